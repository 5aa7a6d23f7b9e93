/ q buyer.q [host]:port[:user:password] : subscribes, shows the invoice, and prints what comes once it is paid
h:hopen `$":",first .z.x,enlist "localhost:5011:me:x"
upd:{[t;x] show x}
.u.end:{[d] -1"end of day ",string d}
r:h(".u.sub";`trade;`AAPL`GOOGL)
$[2<count r; -1"pay ",r[2]`payment_request; -1"paid already"]
