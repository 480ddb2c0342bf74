package memcached

import (
	"cashew/codec"
	"cashew/codec/work"
)

// The commands. Their numbers are Command.Op and Gather.Op.
const (
	opUnknown = iota
	opGet
	opGets
	opGat
	opGats
	opSet
	opAdd
	opReplace
	opAppend
	opPrepend
	opCas
	opIncr
	opDecr
	opTouch
	opDelete
	opMetaGet
	opMetaSet
	opMetaDelete
	opMetaArithmetic
	opMetaDebug
	opMetaNoop
	opVersion
	opVerbosity
	opFlushAll
	opStats
	opQuit
	opCacheMemlimit
	opExtstore
	opLru
	opLruCrawler
	opRefreshCerts
	opShutdown
	opSlabs
	opWatch
	opStatsSettings // the rest of stats, told apart for how replies of several servers become one
	opStatsConns
	opStatsOther
	opNoop // of the binary protocol alone

	// opSkip is no command: the rest of a data block that no server gets.
	opSkip
)

// shape is how a command's line is read and what is done with it.
type shape uint8

const (
	unknown      shape = iota
	retrieve           // name key ...
	store              // name key flags exptime bytes [cas] [noreply], data block
	change             // name key number [noreply]
	remove             // delete key [0] [noreply]
	meta               // name key flag ...
	metaStore          // ms key bytes flag ..., data block
	metaDebug          // me key flag ...
	metaNoop           // mn
	anywhere           // any server can answer
	verbosity          // verbosity level [noreply]
	flushAll           // flush_all [delay] [noreply]
	stats              // stats [word ...]
	slabs              // slabs word ...
	quit               // quit
	refused            // for operators of one server
	refusedAloud       // the same, but noreply is not known to it
)

// commands is indexed by op.
var commands = [...]struct {
	name  string
	shape shape
}{
	opUnknown:        {"", unknown},
	opGet:            {"get", retrieve},
	opGets:           {"gets", retrieve},
	opGat:            {"gat", retrieve},
	opGats:           {"gats", retrieve},
	opSet:            {"set", store},
	opAdd:            {"add", store},
	opReplace:        {"replace", store},
	opAppend:         {"append", store},
	opPrepend:        {"prepend", store},
	opCas:            {"cas", store},
	opIncr:           {"incr", change},
	opDecr:           {"decr", change},
	opTouch:          {"touch", change},
	opDelete:         {"delete", remove},
	opMetaGet:        {"mg", meta},
	opMetaSet:        {"ms", metaStore},
	opMetaDelete:     {"md", meta},
	opMetaArithmetic: {"ma", meta},
	opMetaDebug:      {"me", metaDebug},
	opMetaNoop:       {"mn", metaNoop},
	opVersion:        {"version", anywhere},
	opVerbosity:      {"verbosity", verbosity},
	opFlushAll:       {"flush_all", flushAll},
	opStats:          {"stats", stats},
	opQuit:           {"quit", quit},
	opCacheMemlimit:  {"cache_memlimit", refused},
	opExtstore:       {"extstore", refused},
	opLru:            {"lru", refused},
	opLruCrawler:     {"lru_crawler", refusedAloud},
	opRefreshCerts:   {"refresh_certs", refused},
	opShutdown:       {"shutdown", refusedAloud},
	opSlabs:          {"slabs", slabs},
	opWatch:          {"watch", refusedAloud},
	opStatsSettings:  {"stats|settings", stats},
	opStatsConns:     {"stats|conns", stats},
	opStatsOther:     {"stats|other", stats},
	opNoop:           {"noop", metaNoop},
	opSkip:           {"", unknown},
}

// lookup finds a command by its name, which is in lower case only. The compiler makes a search by length and words of it.
func lookup(name []byte) int {
	switch string(name) {
	case "get":
		return opGet
	case "set":
		return opSet
	case "gets":
		return opGets
	case "gat":
		return opGat
	case "gats":
		return opGats
	case "add":
		return opAdd
	case "replace":
		return opReplace
	case "append":
		return opAppend
	case "prepend":
		return opPrepend
	case "cas":
		return opCas
	case "incr":
		return opIncr
	case "decr":
		return opDecr
	case "touch":
		return opTouch
	case "delete":
		return opDelete
	case "mg":
		return opMetaGet
	case "ms":
		return opMetaSet
	case "md":
		return opMetaDelete
	case "ma":
		return opMetaArithmetic
	case "me":
		return opMetaDebug
	case "mn":
		return opMetaNoop
	case "version":
		return opVersion
	case "verbosity":
		return opVerbosity
	case "flush_all":
		return opFlushAll
	case "stats":
		return opStats
	case "quit":
		return opQuit
	case "cache_memlimit":
		return opCacheMemlimit
	case "extstore":
		return opExtstore
	case "lru":
		return opLru
	case "lru_crawler":
		return opLruCrawler
	case "refresh_certs":
		return opRefreshCerts
	case "shutdown":
		return opShutdown
	case "slabs":
		return opSlabs
	case "watch":
		return opWatch
	default:
		return opUnknown
	}
}

// Describe implements codec.Catalogue. gat changes only the time to live and counts as a read, as it does for memcached.
func (*Protocol) Describe(op uint16) (name string, class work.Class) {
	c := &commands[op]
	switch c.shape {
	case retrieve:
		class = work.Read
	case store, change, remove, metaStore, flushAll:
		class = work.Write
	case meta:
		if class = work.Write; op == opMetaGet {
			class = work.Read
		}
	default:
		class = work.Other
	}
	return c.name, class
}

// Ops implements codec.Catalogue.
func (*Protocol) Ops() int { return len(commands) }

// CommandName implements codec.Catalogue.
func (*Protocol) CommandName(cmd *codec.Command) string {
	if name := commands[cmd.Op].name; name != "" {
		return name
	}
	if cmd.Mark != 0 {
		return opcodes[opcodeOf(cmd.Mark)].name
	}
	return "" // what is longer than was said of it goes on as a command
}
