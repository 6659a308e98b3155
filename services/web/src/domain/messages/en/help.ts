/** Help in plain words, fees, terms and the state of the services. */
export const help = {
  title: 'Help',
  intro: 'How things work here, in plain words.',
  back: 'All topics of help',
  topics: {
    bidding: {
      title: 'Bidding',
      parts: [
        [
          'Your maximum',
          'Type the most that you would pay. We bid for you, only as much as needed to lead, up to that maximum. No one else sees it.',
          'If another bidder has a higher maximum, you are outbid at once, and you are notified. You can raise your maximum at any time.',
        ],
        [
          'A bid is a promise',
          'You cannot take a bid back. Of two equal maxima the earlier one leads.',
          'A maximum far above the price may be a slip: then the page asks once more.',
        ],
        [
          'Reserve and buy now',
          'A reserve is the least that the seller takes. You see whether it is met, never how much it is.',
          'Some lots can be bought at once for a fixed price. You confirm that on a page of its own.',
        ],
      ],
    },
    ends: {
      title: 'When a lot ends',
      parts: [
        [
          'One clock decides',
          'A bid counts when it arrived before the end, by the clock of the auction. The time left on a page runs by that clock too.',
          'At zero the page says “closing” until the result is known.',
        ],
        [
          'Late bids move the end',
          'A bid shortly before the end moves it, so that others can answer. Each lot says by how much, and when it ends at the latest.',
        ],
        [
          'Times on pages',
          'All times are in your own time zone, whose name is at the bottom of the page. You can choose another one on your account page.',
        ],
      ],
    },
    paying: {
      title: 'Paying and receiving',
      parts: [
        [
          'After you won',
          'The lot is among your purchases, with the day by which it is to be paid. You pay on the page of the payment provider; your card number never comes to us.',
          'Who does not pay in time loses the lot and gets a strike. After some strikes the account may not bid any more.',
        ],
        [
          'Delivery',
          'You choose whether it is sent or whether you collect it, where the seller offers both. When you collect, show your code once the lot is in your hands.',
        ],
        [
          'When something is wrong',
          'Open a dispute on the page of the purchase. The seller is asked to answer, and if you do not agree, a moderator decides.',
        ],
      ],
    },
    selling: {
      title: 'Selling',
      parts: [
        [
          'Listing',
          'Describe what it is, say what is wrong with it, and show it from all sides. A draft is seen by no one but you until you publish it.',
        ],
        [
          'While it runs',
          'Answer questions on the page of the lot: everyone reads the answer. You cannot bid on your own lots.',
          'You may block bidders. They cannot bid on any of your lots from then on.',
        ],
        [
          'After the end',
          'Send it when it is paid, and write the parcel’s number down. Your money is paid out once the buyer has it.',
          'If the buyer does not pay, you can offer it to the next bidder or put it up again.',
        ],
      ],
    },
    privacy: {
      title: 'Privacy',
      parts: [
        [
          'What others see',
          'Your name and what you write into your profile. In the history of bids you are a number, another one on each lot. Your e-mail address and telephone number are shown to no one.',
          'The seller reads your address after you have paid, so that the lot can be sent.',
        ],
        [
          'Cookies',
          'One for your login, which no script can read, one for your time zone, and one for the language that you chose. None follows you to other sites.',
        ],
        [
          'Deleting your account',
          'You can delete it yourself on your account page. Your name, address, photo, drafts and lists are deleted later. The page says when before you decide, and whether you can keep the account until then. What you bid and sold stays on record without your name, because accounts must be kept.',
        ],
      ],
    },
  },
  fees: {
    title: 'Fees',
    buyers: 'Buyers',
    buyersText:
      'You pay the price, the delivery, and a buyer’s premium or tax only where the order names them before you pay.',
    sellers: 'Sellers',
    sellersText: 'Listing costs nothing.',
    keeps: 'Of each sale the platform keeps a part of the price, which your invoice shows.',
    none: 'No commission is taken at present.',
    what: 'What is sold',
    rate: 'Commission',
    bounds: 'At least, at most',
    all: 'Everything else',
    inCurrency: (name: string, currency: string) => `${name}, in ${currency}`,
    atLeast: (amount: string) => `at least ${amount}`,
    atMost: (amount: string) => `at most ${amount}`,
    closer:
      'A category counts for those below it too, unless they have a rate of their own. Of several categories the dearest counts.',
    now: 'These are the rates of this moment. Before you publish a lot you see what a sale would cost you.',
  },
  terms: {
    title: 'Terms in plain words',
    parts: [
      ['A bid is a promise', 'Who wins, buys. A bid cannot be taken back.'],
      [
        'The clock of the auction counts',
        'A bid counts when it arrived before the end, by the clock of the auction.',
      ],
      [
        'What is sold must be as described',
        'Sellers describe truly what they sell, and sell only what they may. Moderators hide what is forbidden, with a reason that the seller reads.',
      ],
      [
        'Paying and sending',
        'The buyer pays by the day that the purchase names, and the seller sends it when it is paid. If they do not agree, a moderator decides.',
      ],
      [
        'Fair play',
        'Do not bid on your own lots, and do not let others do it for you. A user who does not pay, or who deceives others, may be suspended.',
      ],
    ],
  },
  status: {
    title: 'State of the services',
    intro: 'Whether each part of this site answers just now.',
    part: 'Part',
    state: 'State',
    works: 'Works',
    away: 'Does not answer',
    allWork: 'Everything works.',
    someAway: 'Not everything works just now. Bids that were accepted stay accepted.',
    seen: (at: string) => `Looked at ${at}.`,
    parts: {
      lots: 'Lots and search',
      bids: 'Bids',
      accounts: 'Accounts and login',
      orders: 'Purchases and sales',
      payments: 'Payments',
      notices: 'Notices',
    },
  },
}
