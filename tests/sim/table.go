package sim

// The commands of Redis that the proxy sends on, as clients send them; refusals.go has those that it does not. A line is a name,
// arguments, and the kinds of reply that the command may have, by first byte:
//
//	k  a key of the client's        K  some of them, of which some twice     P  pairs of one and a value
//	v  a value that names its key   f  a field or member that does           i  an integer        d  a decimal
//	?  any kind of reply, also those of RESP3 alone; % and ~ are arrays in RESP2
//
// All else stands for itself. A command with several keys that is not split has the same key several times, since a client does not
// know which keys have one server. A name that stands twice has two forms.
const forwarded = `
append k v :
decr k :
decrby k i :
delex k ?
digest k ?
get k $
get k k $
getdel k $
getex k persist ?
getrange k 0 i $
getset k v $
incr k :
incrby k i :
incrbyfloat k d $
lcs k k ?
mget K *
mset P +
msetex 1 k v ex 1000 ?
msetnx k v k v :
psetex k 100000 v +
set k v +$
set k v nx +$
setex k 1000 v +
setnx k v :
setrange k i v :
strlen k :
substr k 0 i $
copy k k replace ?
copy k k db 0 ?
del K :
dump k $
exists K :
expire k 1000 :
expireat k 99999999999 nx :
expiretime k :
object|encoding k ?
object|freq k ?
object|idletime k ?
object|refcount k ?
persist k :
pexpire k 100000 :
pexpireat k 99999999999999 :
pexpiretime k :
pttl k :
rename k k +
renamenx k k :
restore k 0 v +
sort k by v limit 0 i store k ?
sort k alpha ?
sort_ro k ?
touch K :
ttl k :
type k +
unlink K :
bitcount k :
bitfield k get u8 0 ?
bitfield_ro k get u8 i ?
bitop and k k :
bitpos k 1 :
getbit k i :
setbit k i 1 :
hdel k f :
hexists k f :
hexpire k 100 fields 1 f ?
hexpireat k 99999999999 fields 1 f ?
hexpiretime k fields 1 f ?
hget k f $
hgetall k %
hgetdel k fields 1 f ?
hgetex k fields 1 f ?
hincrby k f i :
hincrbyfloat k f d $
hkeys k *
hlen k :
hmget k f f f *
hmset k f v +
hpersist k fields 1 f ?
hpexpire k 100 fields 1 f ?
hpexpireat k 99999999999999 fields 1 f ?
hpexpiretime k fields 1 f ?
hpttl k fields 1 f ?
hrandfield k ?
hscan k 0 ?
hset k f v :
hset k f v f v :
hsetex k fields 1 f v ?
hsetnx k f v :
hstrlen k f :
httl k fields 1 f ?
hvals k *
lindex k i $
linsert k before v v :
llen k :
lmove k k left right $
blmove k k left right 0 ?
blmpop 0.1 1 k left ?
blpop k k 0 ?
brpop k 1 ?
brpoplpush k k 0 ?
bzmpop 1 1 k min ?
bzpopmax k 0 ?
bzpopmin k 0 ?
xread block 10 streams k 0 ?
xreadgroup group v v block 10 streams k > ?
lmpop 1 k left ?
lpop k $
lpos k v ?
lpush k v :
lpushx k v :
lrange k 0 -1 *
lrange k 0 i *
lrem k 0 v :
lset k i v +
ltrim k 0 i +
rpop k $
rpoplpush k k $
rpush k v v :
rpushx k v :
sadd k f f :
scard k :
sdiff k k ~
sdiffstore k k k :
sinter k k ~
sintercard 2 k k :
sinterstore k k k :
sismember k f :
smembers k ~
smismember k f f *
smove k k f :
spop k ?
srandmember k i ?
srem k f :
sscan k 0 ?
sunion k k ~
sunionstore k k :
zadd k d f :
zadd k d f d f :
zcard k :
zcount k 0 i :
zdiff 2 k k ?
zdiffstore k 1 k ?
zincrby k i f ?
zinter 1 k ?
zintercard 1 k ?
zinterstore k 2 k k ?
zlexcount k - + :
zmpop 1 k min ?
zmscore k f f *
zpopmax k ?
zpopmin k i ?
zrandmember k ?
zrange k 0 -1 ?
zrangebylex k - + ?
zrangebyscore k 0 i ?
zrangestore k k 0 -1 ?
zrank k f ?
zrem k f :
zremrangebylex k - + :
zremrangebyrank k 0 i :
zremrangebyscore k 0 i :
zrevrange k 0 i ?
zrevrangebylex k + - ?
zrevrangebyscore k i 0 ?
zrevrank k f ?
zscan k 0 count i ?
zscore k f ?
zunion 1 k ?
zunionstore k 1 k ?
geoadd k d d f ?
geodist k f f km ?
geohash k f ?
geopos k f ?
georadius k d d 100 km store k ?
georadius_ro k d d 100 km ?
georadiusbymember k f 100 km ?
georadiusbymember_ro k f 100 km ?
geosearch k frommember f byradius 100 km ?
geosearchstore k k frommember f byradius 100 km ?
pfadd k v :
pfcount k k :
pfmerge k k +
xack k v 1-1 :
xackdel k v keepref ids 1 1-1 ?
xadd k * f v ?
xautoclaim k v v 10 0-0 ?
xcfgset k ?
xclaim k v v 10 1-1 ?
xdel k 1-1 :
xdelex k keepref ids 1 1-1 ?
xgroup|create k v $ mkstream ?
xgroup|createconsumer k v v ?
xgroup|delconsumer k v v ?
xgroup|destroy k v ?
xgroup|setid k v 0 ?
xinfo|consumers k v ?
xinfo|groups k ?
xinfo|stream k full ?
xlen k :
xpending k v ?
xrange k - + *
xread count i streams k k 0 0 ?
xreadgroup group v v streams k > ?
xrevrange k + - *
xsetid k 1-1 ?
xtrim k maxlen i :
vadd k values 1 d f ?
vcard k ?
vdim k ?
vemb k f ?
vgetattr k f ?
vinfo k ?
vismember k f ?
vlinks k f ?
vrandmember k ?
vrange k - + ?
vrem k f ?
vsetattr k f v ?
vsim k ele f ?
eval script 1 k v ?
eval script 2 k k v ?
eval_ro script 1 k v ?
evalsha abc 1 k v ?
evalsha_ro abc 1 k v ?
fcall v 1 k v ?
fcall_ro v 1 k v ?
lolwut version i ?
time *
object|help *
xgroup|help *
xinfo|help *
script|help *
client|help *
acl|help *
acl|cat *
acl|genpass i $
config|help *
memory|help *
module|help *
latency|help *
command|count :
command|docs v ?
command|getkeys get v *
command|getkeysandflags get v *
command|help *
command|info get set *
command|list *
function|help *
function|dump $
memory|usage k samples i ?
`

// modules are the commands of Redis's modules: whatever they answer may be of any kind.
const modules = `
json.arrappend k $ v
json.arrindex k $ v
json.arrinsert k $ 0 v
json.arrlen k
json.arrpop k
json.arrtrim k $ 0 i
json.clear k
json.debug|memory k
json.del k
json.forget k
json.get k $
json.merge k $ v
json.mget k k $
json.mset k $ v k $ v
json.numincrby k $ i
json.nummultby k $ i
json.numpowby k $ i
json.objkeys k
json.objlen k
json.resp k
json.set k $ v
json.strappend k v
json.strlen k
json.toggle k $
json.type k
bf.add k f
bf.card k
bf.exists k f
bf.info k
bf.insert k items f
bf.loadchunk k i v
bf.madd k f f
bf.mexists k f f
bf.reserve k d i
bf.scandump k i
cf.add k f
cf.addnx k f
cf.compact k
cf.count k f
cf.del k f
cf.exists k f
cf.info k
cf.insert k items f
cf.insertnx k items f
cf.loadchunk k i v
cf.mexists k f
cf.reserve k i
cf.scandump k i
cms.incrby k f i
cms.info k
cms.initbydim k i i
cms.initbyprob k d d
cms.merge k 1 k
cms.query k f
topk.add k f
topk.count k f
topk.incrby k f i
topk.info k
topk.list k
topk.query k f
topk.reserve k i
tdigest.add k d
tdigest.byrank k i
tdigest.byrevrank k i
tdigest.cdf k d
tdigest.create k
tdigest.info k
tdigest.max k
tdigest.merge k 1 k
tdigest.min k
tdigest.quantile k d
tdigest.rank k d
tdigest.reset k
tdigest.revrank k d
tdigest.trimmed_mean k d d
ts.add k i d
ts.alter k
ts.create k
ts.createrule k k aggregation avg i
ts.decrby k d
ts.del k 0 i
ts.deleterule k k
ts.get k
ts.incrby k d
ts.info k
ts.madd k i d k i d
ts.range k - +
ts.revrange k - +
`
