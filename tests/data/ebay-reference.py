"""The reference in another language: proxy bidding recomputed from the ranked maxima of an auction.

Run in tests/ with `python3 data/ebay-reference.py`; writes data/ebay-expected.json, against which
the replay is compared auction by auction. Shares no code and no method with services/bid.
"""
import csv, json
T=[(0,5),(100,25),(500,50),(2500,100),(10000,250),(25000,500),(50000,1000),(100000,2500),(250000,5000),(500000,10000)]
inc=lambda p:[s for f,s in T if p>=f][-1]
c=lambda x: round(float(x)*100)
A={}
for r in csv.DictReader(open('data/ebay-cartier-auctions.csv')): A.setdefault(r['auction_id'],[]).append(r)
out={}
for k,rs in A.items():
    rs.sort(key=lambda r: float(r['bid_time_days']))
    start=c(rs[0]['open_bid']); best={}; price=None; leader=None
    for n,r in enumerate(rs):
        m,b=c(r['bid']),r['bidder']
        need=start if price is None else price+inc(price)
        if b==leader: need=max(need,best[b][0]+1)
        if m<need: continue
        # A rival with a higher earlier maximum keeps it; the clock of a maximum is when it was set.
        if m>best.get(b,(0,0))[0]: best[b]=(m,n)
        ranked=sorted(best.items(), key=lambda e:(-e[1][0],e[1][1]))
        if price is None: price=start
        elif b!=leader:
            top,second=ranked[0][1][0],ranked[1][1][0]
            price=max(price,min(top,second+inc(second)))
        leader=ranked[0][0]
    want=c(rs[0]['price'])
    out[k]={'price':f'{price/100:.2f}','against':'at the price' if price==want else ('below' if price<want else 'above')}
json.dump(out,open('data/ebay-expected.json','w'),indent=1,sort_keys=True); open('data/ebay-expected.json','a').write('\n')
from collections import Counter; print(Counter(v['against'] for v in out.values()))
