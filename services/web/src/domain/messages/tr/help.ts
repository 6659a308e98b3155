import type { Messages } from '../en.ts'

export const help: Messages['help'] = {
  title: 'Yardım',
  intro: 'Burada işlerin nasıl yürüdüğü, sade sözlerle.',
  back: 'Yardımın tüm konuları',
  topics: {
    bidding: {
      title: 'Teklif vermek',
      parts: [
        [
          'En yüksek teklifiniz',
          'En çok ne kadar ödeyeceğinizi yazın. Önde olmanız için yalnız gerektiği kadar, bu tutara kadar sizin adınıza teklif veririz. Başka kimse görmez.',
          'Başkasının en yüksek teklifi daha büyükse teklifiniz hemen geçilir ve size haber verilir. En yüksek teklifinizi her zaman artırabilirsiniz.',
        ],
        [
          'Teklif bir sözdür',
          'Teklif geri alınamaz. İki eşit teklifin önce geleni öndedir.',
          'Fiyatın çok üzerindeki bir teklif yanlışlık olabilir: o zaman sayfa bir kez daha sorar.',
        ],
        [
          'Taban fiyat ve hemen al',
          'Taban fiyat, satıcının kabul edeceği en düşük tutardır. Ulaşılıp ulaşılmadığını görürsünüz, tutarını görmezsiniz.',
          'Bazı lotlar sabit bir fiyata hemen alınabilir. Bunu ayrı bir sayfada onaylarsınız.',
        ],
      ],
    },
    ends: {
      title: 'Açık artırma ne zaman biter',
      parts: [
        [
          'Tek saat belirler',
          'Bir teklif, açık artırmanın saatine göre bitişten önce ulaştıysa geçerlidir. Sayfadaki kalan süre de o saate göre işler.',
          'Sıfırda, sonuç belli olana kadar sayfa “kapanıyor” der.',
        ],
        [
          'Geç teklifler bitişi erteler',
          'Bitişe az kala gelen bir teklif, başkaları yanıt verebilsin diye bitişi erteler. Her lot ne kadar ertelendiğini ve en geç ne zaman bittiğini söyler.',
        ],
        [
          'Sayfalardaki saatler',
          'Bütün saatler kendi saat diliminizdedir; adı sayfanın altında yazar. Hesap sayfanızda başka bir dilim seçebilirsiniz.',
        ],
      ],
    },
    paying: {
      title: 'Ödemek ve teslim almak',
      parts: [
        [
          'Kazandıktan sonra',
          'Lot, ödeme günüyle birlikte satın aldıklarınız arasındadır. Ödeme sağlayıcısının sayfasında ödersiniz; kart numaranız bize hiç gelmez.',
          'Zamanında ödemeyen lotu kaybeder ve uyarı alır. Birkaç uyarıdan sonra hesap artık teklif veremez.',
        ],
        [
          'Teslimat',
          'Satıcı ikisini de sunuyorsa gönderilmesini ya da elden almayı seçersiniz. Elden alırken lot elinize geçince kodunuzu gösterin.',
        ],
        [
          'Bir şey yanlışsa',
          'Satın alma sayfasında bir anlaşmazlık açın. Satıcıdan yanıt istenir; anlaşamazsanız bir denetçi karar verir.',
        ],
      ],
    },
    selling: {
      title: 'Satmak',
      parts: [
        [
          'İlan vermek',
          'Ne olduğunu anlatın, kusurlarını söyleyin ve her yanından gösterin. Yayınlayana kadar taslağı sizden başka kimse görmez.',
        ],
        [
          'Sürerken',
          'Soruları lot sayfasında yanıtlayın: yanıtı herkes okur. Kendi lotunuza teklif veremezsiniz.',
          'Teklif verenleri engelleyebilirsiniz. Artık hiçbir lotunuza teklif veremezler.',
        ],
        [
          'Bitince',
          'Ödenince gönderin ve paket numarasını yazın. Alıcı teslim alınca paranız ödenir.',
          'Alıcı ödemezse lotu sonraki teklif verene önerebilir ya da yeniden açık artırmaya çıkarabilirsiniz.',
        ],
      ],
    },
    privacy: {
      title: 'Gizlilik',
      parts: [
        [
          'Başkaları ne görür',
          'Adınızı ve profilinize yazdıklarınızı. Tekliflerin geçmişinde her lotta başka bir numarasınız. E-posta adresiniz ve telefon numaranız kimseye gösterilmez.',
          'Satıcı, lotu gönderebilmek için adresinizi siz ödedikten sonra okur.',
        ],
        [
          'Çerezler',
          'Girişiniz için hiçbir betiğin okuyamadığı bir çerez, saat diliminiz için bir çerez ve seçtiğiniz dil için bir çerez. Hiçbiri sizi başka sitelerde izlemez.',
        ],
        [
          'Hesabınızı silmek',
          'Hesap sayfanızda kendiniz silebilirsiniz. Adınız, adresiniz, fotoğrafınız, taslaklarınız ve listeleriniz daha sonra silinir. Bunun ne zaman olacağı ve hesabı o zamana kadar koruyup koruyamayacağınız, karar vermeden önce o sayfada yazar. Defterlerin saklanması gerektiğinden teklifleriniz ve satışlarınız adınız olmadan kayıtlı kalır.',
        ],
      ],
    },
  },
  fees: {
    title: 'Ücretler',
    buyers: 'Alıcılar',
    buyersText:
      'Fiyatı, teslimatı ve yalnız siparişin ödemeden önce belirttiği yerde alıcı primi ya da vergiyi ödersiniz.',
    sellers: 'Satıcılar',
    sellersText: 'İlan vermek ücretsizdir.',
    keeps: 'Platform her satıştan fiyatın bir bölümünü alır; faturanız bunu gösterir.',
    none: 'Şu anda komisyon alınmıyor.',
    what: 'Satılan',
    rate: 'Komisyon',
    bounds: 'En az, en çok',
    all: 'Diğer her şey',
    inCurrency: (name, currency) => `${name}, ${currency} ile`,
    atLeast: (amount) => `en az ${amount}`,
    atMost: (amount) => `en çok ${amount}`,
    closer:
      'Bir kategorinin oranı, kendi oranı olmayan alt kategoriler için de geçerlidir. Birden çok kategoriden en pahalısı sayılır.',
    now: 'Bunlar şu anın oranlarıdır. Bir lotu yayınlamadan önce satışın size neye mal olacağını görürsünüz.',
  },
  terms: {
    title: 'Sade sözlerle koşullar',
    parts: [
      ['Teklif bir sözdür', 'Kazanan satın alır. Teklif geri alınamaz.'],
      [
        'Açık artırmanın saati geçerlidir',
        'Bir teklif, açık artırmanın saatine göre bitişten önce ulaştıysa geçerlidir.',
      ],
      [
        'Satılan, anlatıldığı gibi olmalıdır',
        'Satıcılar sattıklarını doğru anlatır ve yalnız satabileceklerini satar. Denetçiler yasak olanı gizler; nedenini satıcı okur.',
      ],
      [
        'Ödemek ve göndermek',
        'Alıcı, satın almanın belirttiği güne kadar öder; satıcı ödenince gönderir. Anlaşamazlarsa bir denetçi karar verir.',
      ],
      [
        'Dürüst davranış',
        'Kendi lotlarınıza teklif vermeyin ve başkalarına verdirmeyin. Ödemeyen ya da başkalarını aldatan kullanıcı askıya alınabilir.',
      ],
    ],
  },
  status: {
    title: 'Hizmetlerin durumu',
    intro: 'Bu sitenin her bölümünün şu anda yanıt verip vermediği.',
    part: 'Bölüm',
    state: 'Durum',
    works: 'Çalışıyor',
    away: 'Yanıt vermiyor',
    allWork: 'Her şey çalışıyor.',
    someAway: 'Şu anda her şey çalışmıyor. Kabul edilen teklifler geçerlidir.',
    seen: (at) => `Bakıldı: ${at}.`,
    parts: {
      lots: 'Lotlar ve arama',
      bids: 'Teklifler',
      accounts: 'Hesaplar ve giriş',
      orders: 'Alışlar ve satışlar',
      payments: 'Ödemeler',
      notices: 'Bildirimler',
    },
  },
}
