import type { Messages } from '../en.ts'

export const help: Messages['help'] = {
  title: 'Hilfe',
  intro: 'Wie hier alles geht, in einfachen Worten.',
  back: 'Alle Themen der Hilfe',
  topics: {
    bidding: {
      title: 'Bieten',
      parts: [
        [
          'Ihr Höchstgebot',
          'Geben Sie ein, was Sie höchstens zahlen würden. Wir bieten für Sie, nur so viel wie nötig, um zu führen, bis zu diesem Höchstgebot. Niemand sonst sieht es.',
          'Hat ein anderer Bieter ein höheres Höchstgebot, sind Sie sofort überboten und werden benachrichtigt. Sie können Ihr Höchstgebot jederzeit erhöhen.',
        ],
        [
          'Ein Gebot ist ein Versprechen',
          'Ein Gebot lässt sich nicht zurücknehmen. Von zwei gleichen Höchstgeboten führt das frühere.',
          'Ein Höchstgebot weit über dem Preis kann ein Versehen sein: Dann fragt die Seite noch einmal.',
        ],
        [
          'Mindestpreis und Sofortkauf',
          'Der Mindestpreis ist das Wenigste, das der Verkäufer nimmt. Sie sehen, ob er erreicht ist, nie wie hoch er ist.',
          'Manche Lose lassen sich sofort zu einem festen Preis kaufen. Das bestätigen Sie auf einer eigenen Seite.',
        ],
      ],
    },
    ends: {
      title: 'Wann ein Los endet',
      parts: [
        [
          'Eine Uhr entscheidet',
          'Ein Gebot zählt, wenn es nach der Uhr der Auktion vor dem Ende ankam. Auch die Restzeit auf einer Seite läuft nach dieser Uhr.',
          'Bei null sagt die Seite „wird geschlossen“, bis das Ergebnis feststeht.',
        ],
        [
          'Späte Gebote verschieben das Ende',
          'Ein Gebot kurz vor dem Ende verschiebt es, damit andere antworten können. Jedes Los sagt, um wie viel, und wann es spätestens endet.',
        ],
        [
          'Zeiten auf Seiten',
          'Alle Zeiten gelten in Ihrer eigenen Zeitzone, deren Name unten auf der Seite steht. Auf der Seite Ihres Kontos können Sie eine andere wählen.',
        ],
      ],
    },
    paying: {
      title: 'Bezahlen und bekommen',
      parts: [
        [
          'Nachdem Sie gewonnen haben',
          'Das Los steht bei Ihren Käufen, mit dem Tag, bis zu dem es zu bezahlen ist. Sie bezahlen auf der Seite des Zahlungsanbieters; Ihre Kartennummer kommt nie zu uns.',
          'Wer nicht rechtzeitig bezahlt, verliert das Los und bekommt einen Verweis. Nach einigen Verweisen darf das Konto nicht mehr bieten.',
        ],
        [
          'Lieferung',
          'Sie wählen, ob es versandt wird oder ob Sie es abholen, wo der Verkäufer beides anbietet. Beim Abholen zeigen Sie Ihren Code, sobald Sie das Los in Händen haben.',
        ],
        [
          'Wenn etwas nicht stimmt',
          'Eröffnen Sie auf der Seite des Kaufs einen Streitfall. Der Verkäufer wird um Antwort gebeten, und wenn Sie sich nicht einigen, entscheidet die Moderation.',
        ],
      ],
    },
    selling: {
      title: 'Verkaufen',
      parts: [
        [
          'Einstellen',
          'Beschreiben Sie, was es ist, sagen Sie, was daran nicht stimmt, und zeigen Sie es von allen Seiten. Einen Entwurf sieht außer Ihnen niemand, bis Sie ihn veröffentlichen.',
        ],
        [
          'Während es läuft',
          'Beantworten Sie Fragen auf der Seite des Loses: Alle lesen die Antwort. Auf eigene Lose können Sie nicht bieten.',
          'Sie können Bieter sperren. Diese können dann auf keines Ihrer Lose mehr bieten.',
        ],
        [
          'Nach dem Ende',
          'Senden Sie es, wenn es bezahlt ist, und tragen Sie die Nummer des Pakets ein. Ihr Geld wird ausgezahlt, sobald der Käufer es hat.',
          'Bezahlt der Käufer nicht, können Sie es dem nächsten Bieter anbieten oder noch einmal einstellen.',
        ],
      ],
    },
    privacy: {
      title: 'Datenschutz',
      parts: [
        [
          'Was andere sehen',
          'Ihren Namen und was Sie in Ihr Profil schreiben. In der Liste der Gebote sind Sie eine Nummer, auf jedem Los eine andere. Ihre E-Mail-Adresse und Telefonnummer werden niemandem gezeigt.',
          'Der Verkäufer liest Ihre Anschrift, nachdem Sie bezahlt haben, damit er das Los senden kann.',
        ],
        [
          'Cookies',
          'Eines für Ihre Anmeldung, das kein Skript lesen kann, eines für Ihre Zeitzone und eines für die Sprache, die Sie gewählt haben. Keines folgt Ihnen auf andere Seiten.',
        ],
        [
          'Ihr Konto löschen',
          'Sie können es selbst auf der Seite Ihres Kontos löschen. Später werden Name, Adresse, Foto, Entwürfe und Listen gelöscht. Wann das ist und ob Sie das Konto bis dahin behalten können, steht auf der Seite, bevor Sie sich entscheiden. Was Sie geboten und verkauft haben, bleibt ohne Ihren Namen verzeichnet, weil Bücher aufzubewahren sind.',
        ],
      ],
    },
  },
  fees: {
    title: 'Gebühren',
    buyers: 'Käufer',
    buyersText:
      'Sie zahlen den Preis, die Lieferung und ein Aufgeld oder Steuern nur dort, wo die Bestellung sie vor dem Bezahlen nennt.',
    sellers: 'Verkäufer',
    sellersText: 'Einstellen kostet nichts.',
    keeps:
      'Von jedem Verkauf behält die Plattform einen Teil des Preises, den Ihre Rechnung ausweist.',
    none: 'Zurzeit wird keine Provision genommen.',
    what: 'Was verkauft wird',
    rate: 'Provision',
    bounds: 'Mindestens, höchstens',
    all: 'Alles andere',
    inCurrency: (name, currency) => `${name}, in ${currency}`,
    atLeast: (amount) => `mindestens ${amount}`,
    atMost: (amount) => `höchstens ${amount}`,
    closer:
      'Eine Kategorie zählt auch für die unter ihr, wenn diese keinen eigenen Satz haben. Von mehreren Kategorien zählt die teuerste.',
    now: 'Das sind die Sätze dieses Augenblicks. Bevor Sie ein Los veröffentlichen, sehen Sie, was ein Verkauf Sie kosten würde.',
  },
  terms: {
    title: 'Bedingungen in einfachen Worten',
    parts: [
      [
        'Ein Gebot ist ein Versprechen',
        'Wer gewinnt, kauft. Ein Gebot lässt sich nicht zurücknehmen.',
      ],
      [
        'Die Uhr der Auktion zählt',
        'Ein Gebot zählt, wenn es nach der Uhr der Auktion vor dem Ende ankam.',
      ],
      [
        'Was verkauft wird, muss sein wie beschrieben',
        'Verkäufer beschreiben wahrheitsgemäß, was sie verkaufen, und verkaufen nur, was sie dürfen. Die Moderation verbirgt Verbotenes, mit einem Grund, den der Verkäufer liest.',
      ],
      [
        'Bezahlen und senden',
        'Der Käufer bezahlt bis zu dem Tag, den der Kauf nennt, und der Verkäufer sendet es, wenn es bezahlt ist. Einigen sie sich nicht, entscheidet die Moderation.',
      ],
      [
        'Faires Spiel',
        'Bieten Sie nicht auf eigene Lose, und lassen Sie es nicht andere für Sie tun. Wer nicht bezahlt oder andere täuscht, kann gesperrt werden.',
      ],
    ],
  },
  status: {
    title: 'Zustand der Dienste',
    intro: 'Ob jeder Teil dieser Seite gerade antwortet.',
    part: 'Teil',
    state: 'Zustand',
    works: 'Geht',
    away: 'Antwortet nicht',
    allWork: 'Alles geht.',
    someAway: 'Gerade geht nicht alles. Angenommene Gebote bleiben angenommen.',
    seen: (at) => `Gesehen ${at}.`,
    parts: {
      lots: 'Lose und Suche',
      bids: 'Gebote',
      accounts: 'Konten und Anmeldung',
      orders: 'Käufe und Verkäufe',
      payments: 'Zahlungen',
      notices: 'Benachrichtigungen',
    },
  },
}
