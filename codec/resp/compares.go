package resp

import "strings"

// comparable are commands with one key to which servers with the same data give the same reply. Those that tell of sets and hashes in the order
// in which a server has them are not among them, nor those about time and chance, and what Redis 7's streams count for themselves.
const comparableNames = "get getrange substr strlen exists getbit bitcount bitpos hget hmget hexists hlen hstrlen llen lrange lindex lpos scard sismember smismember " +
	"zcard zcount zlexcount zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex zrank zrevrank zscore zmscore type xlen geodist geopos geohash"

// comparables says it of each row.
var comparables = func() []bool {
	list := make([]bool, len(commands))
	names := " " + comparableNames + " "
	for op := range commands {
		name := commands[op].name
		list[op] = name != "" && commands[op].has('r') && strings.Contains(names, " "+name+" ")
	}
	return list
}()

// Compares implements codec.Answers.
func (*Protocol) Compares(op uint16) bool { return comparables[op] }
