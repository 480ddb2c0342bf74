package resp

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"net"
	"strconv"

	"cashew/codec"
	"cashew/codec/acl"
)

// Options are the settings of a Redis pool that its protocol must know.
type Options struct {
	// Password is what clients give (twemproxy's redis_auth), "" for none. Servers get it, too, unless Login says otherwise.
	Password string
	Login    Login            // what servers get; without a password: Password
	Logins   map[string]Login // what those servers get that have credentials of their own, by their names in the pool
	// Shown is what whoever configures the pool shows of its credentials, by key, and has no secret in it. The protocol keeps it.
	Shown map[string]any

	DB int // the servers' database (redis_db); 0 needs no SELECT
	// Databases is how many clients may choose from, DB among them; 0: DB is the only one.
	Databases int
	Version   string     // the Redis version that HELLO tells; "": defaultVersion
	Commands  string     // which commands clients may send; see DefaultCommands, which "" is
	Users     *acl.Users // who clients may be, by Users; nil: none, and Password is what they give
	Cluster   bool       // the servers are a Redis Cluster
	// Sentinels says that sentinels, who are given SentinelLogin, tell where the servers are.
	Sentinels     bool
	SentinelLogin Login
	// Announce are the addresses, "host:port", of which clients are told that a cluster is made; nil: the one that they connected to.
	// PortNames is what CLUSTER SHARDS calls their ports: "port" (which it is if nil), "tls-port" or both.
	Announce  []string
	PortNames []string
	Private   bool // clients may have server connections of their own, by CLIENT TRACKING
	Learn     bool // commands that are not in the table are looked up in the servers' COMMAND INFO; else they are refused
}

const defaultVersion = "7.0.0"

// Protocol is the Redis protocol of one pool. It is immutable and may be used by all loops at once.
type Protocol struct {
	password  [sha256.Size]byte // of the password
	guarded   bool              // clients have to log in
	users     *acl.Users
	homes     bool // one of them has a database of its own
	db        int
	databases int
	version   string
	rules     string
	learns    bool
	private   bool
	cluster   bool
	sentinels bool
	fleet     []member // by Options.Announce
	portNames []string
	allowed   *policy
	straight  [maxOps]arity // see there

	account  account             // of servers that have none of their own
	accounts map[string]*account // by server; nil: none has one
	shown    map[string]any
}

var _ codec.Protocol = (*Protocol)(nil)

// New builds the protocol of one pool.
func New(o Options) *Protocol {
	p := &Protocol{
		password: sha256.Sum256([]byte(o.Password)),
		guarded:  o.Password != "",
		db:       max(o.DB, 0), databases: max(o.Databases, 0),
		version: o.Version,
		rules:   cmp.Or(o.Commands, DefaultCommands),
		learns:  o.Learn,
		private: o.Private,
		cluster: o.Cluster, sentinels: o.Sentinels,
	}
	for _, addr := range o.Announce {
		p.fleet = append(p.fleet, memberAt(addr))
	}
	if p.portNames = o.PortNames; p.portNames == nil {
		p.portNames = []string{"port"}
	}
	p.addUsers(o.Users)
	if p.version == "" {
		p.version = defaultVersion
	}
	allowed, wrong := parseRules(p.rules)
	if len(wrong) > 0 {
		panic(wrong[0].Error()) // CheckRules would have said so
	}
	p.allowed, p.straight = allowed, allowed.straight()
	p.addAccounts(o)
	return p
}

// Guarded implements codec.Commands.
func (p *Protocol) Guarded() bool { return p.guarded }

// Name implements codec.Catalogue.
func (*Protocol) Name() string { return "redis" }

// Rules say which commands clients may send.
func (p *Protocol) Rules() string { return p.rules }

// HasPassword says that servers are given one.
func (p *Protocol) HasPassword() bool { return len(p.password) > 0 }

// Learns says whether commands that are not in the table are looked up in the servers' COMMAND INFO.
func (p *Protocol) Learns() bool { return p.learns }

// Profiles implements codec.Catalogue.
func (*Protocol) Profiles() []string { return profileNames[:] }

var profileNames = [profiles]string{"resp2", "resp3"}

// Announces are Options.Announce.
func (p *Protocol) Announces() (addrs []string) {
	for _, m := range p.fleet {
		addrs = append(addrs, net.JoinHostPort(m.host, m.port))
	}
	return addrs
}

// unexpected is the error for a reply to a command of the handshake.
func unexpected(command string, reply []byte) error {
	text := bytes.TrimRight(reply, "\r\n")
	text = text[:min(len(text), maxErrorText)]
	if len(text) == 0 || text[0] != '-' {
		return fmt.Errorf("%s: unexpected reply %q", command, text)
	}
	return fmt.Errorf("%s was refused: %s", command, text[1:])
}

const maxErrorText = 256

// AppendError implements codec.Answers.
func (*Protocol) AppendError(dst []byte, text string) []byte {
	dst = append(dst, "-ERR "...)
	dst = append(dst, text...)
	return append(dst, crlf...)
}

// AppendFailure implements codec.Answers.
func (p *Protocol) AppendFailure(dst []byte, _ codec.Profile, _ codec.Mark, text string) []byte {
	return p.AppendError(dst, text)
}

// AppendCrossServer implements codec.Answers. Cluster clients know the error's code; in a cluster, also its words.
func (p *Protocol) AppendCrossServer(dst []byte, keys [2][]byte, servers [2]string) []byte {
	if p.cluster {
		return append(dst, errCrossSlot...)
	}
	dst = append(dst, "-CROSSSLOT Keys in request don't hash to the same server"...)
	dst = append(dst, ": '"...)
	dst = appendPrintable(dst, keys[0], maxToldKey)
	dst = append(append(dst, "' is on "...), servers[0]...)
	dst = append(dst, ", '"...)
	dst = appendPrintable(dst, keys[1], maxToldKey)
	dst = append(append(dst, "' on "...), servers[1]...)
	return append(dst, crlf...)
}

// maxToldKey is how many bytes of a key an error repeats.
const maxToldKey = 64

// AppendMalformed implements codec.Answers.
func (p *Protocol) AppendMalformed(dst []byte, _ codec.Profile, _ codec.Mark, err error) []byte {
	return p.AppendError(dst, err.Error())
}

const crlf = "\r\n"

// bulks is a command.
func bulks(args ...string) []byte {
	dst := appendHeader(nil, '*', len(args))
	for _, a := range args {
		dst = appendBulk(dst, a)
	}
	return dst
}

// appendHeader appends a type byte and the line with n.
func appendHeader(dst []byte, kind byte, n int) []byte {
	dst = append(dst, kind)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, crlf...)
}

func appendInt(dst []byte, n int) []byte { return appendHeader(dst, ':', n) }

func appendStatus(dst []byte, s string) []byte {
	dst = append(dst, '+')
	dst = append(dst, s...)
	return append(dst, crlf...)
}

func appendBulk[T string | []byte](dst []byte, s T) []byte {
	dst = appendHeader(dst, '$', len(s))
	dst = append(dst, s...)
	return append(dst, crlf...)
}
