package resp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"cashew/codec"
)

// Options are the settings of a Redis pool that its protocol must know.
type Options struct {
	Password string // what clients give and servers get (twemproxy's redis_auth); "": none
	DB       int    // the servers' database (redis_db); 0 needs no SELECT
	// Databases is how many clients may choose from, DB among them; 0: DB is the only one.
	Databases int
	Version   string // the Redis version that HELLO tells; "": defaultVersion
	Commands  string // which commands clients may send; see DefaultCommands, which "" is
	Learn     bool   // commands that are not in the table are looked up in the servers' COMMAND INFO; else they are refused
}

const defaultVersion = "7.0.0"

// Protocol is the Redis protocol of one pool. It is immutable and may be used by all loops at once.
type Protocol struct {
	password  []byte
	guarded   bool // there is a password
	db        int
	databases int
	version   string
	rules     string
	learns    bool
	allowed   *policy
	straight  [maxOps]arity      // see there
	handshake [profiles][][]byte // commands
	commands  [profiles][]string // the same, as errors name them
}

var _ codec.Protocol = (*Protocol)(nil)

// New builds the protocol of one pool.
func New(o Options) *Protocol {
	p := &Protocol{
		password: []byte(o.Password),
		guarded:  o.Password != "",
		db:       max(o.DB, 0), databases: max(o.Databases, 0),
		version: o.Version,
		rules:   cmp.Or(o.Commands, DefaultCommands),
		learns:  o.Learn,
	}
	if p.version == "" {
		p.version = defaultVersion
	}
	allowed, wrong := parseRules(p.rules)
	if len(wrong) > 0 {
		panic(wrong[0].Error()) // CheckRules would have said so
	}
	p.allowed, p.straight = allowed, allowed.straight()
	for pr := range p.handshake {
		p.addSteps(codec.Profile(pr))
	}
	return p
}

// Guarded implements codec.Commands.
func (p *Protocol) Guarded() bool { return p.guarded }

// Name implements codec.Catalogue.
func (*Protocol) Name() string { return "redis" }

// Rules say which commands clients may send.
func (p *Protocol) Rules() string { return p.rules }

// Learns says whether commands that are not in the table are looked up in the servers' COMMAND INFO.
func (p *Protocol) Learns() bool { return p.learns }

// Profiles implements codec.Catalogue.
func (*Protocol) Profiles() []string { return profileNames[:] }

var profileNames = [profiles]string{"resp2", "resp3"}

// addSteps makes a handshake of AUTH, and HELLO 3 for RESP3, each if needed. SELECT comes behind them; twemproxy sends it before AUTH,
// and so works in database 0 if there is a password.
func (p *Protocol) addSteps(pr codec.Profile) {
	add := func(name string, args ...string) {
		p.handshake[pr] = append(p.handshake[pr], bulks(args...))
		p.commands[pr] = append(p.commands[pr], name)
	}
	if p.guarded {
		add("AUTH", "AUTH", string(p.password))
	}
	if pr == RESP3 {
		add(helloCommand, "HELLO", "3")
	}
}

// Handshake implements codec.Health.
func (p *Protocol) Handshake(pr codec.Profile, db int) [][]byte {
	steps := p.handshake[pr]
	if db == 0 {
		return steps
	}
	return append(slices.Clip(steps), p.AppendSelect(nil, db))
}

// CheckHandshake implements codec.Health. The error names the command and says what the server said.
func (p *Protocol) CheckHandshake(pr codec.Profile, db, step int, reply []byte) error {
	command := "SELECT " + strconv.Itoa(db)
	reply = withoutAttributes(reply)
	if step < len(p.commands[pr]) {
		command = p.commands[pr][step]
	}
	switch {
	case command == helloCommand:
		return checkHello(reply)
	case len(reply) > 0 && reply[0] == '+':
		return nil
	case command == "AUTH" && needless(reply):
		return &codec.RemarkError{Text: "the server has no password; redis_auth is not needed there"}
	case p.guarded && bytes.Contains(reply, p.password):
		return errors.New(command + " was refused")
	case step == len(p.commands[pr]) && db != p.db && lacksDB(reply):
		return &codec.RefusalError{Database: db, Reply: bytes.Clone(reply)}
	default:
		return unexpected(command, reply)
	}
}

// needless tells whether a server answers to AUTH that it has no password: while passwords are rolled out over a fleet some
// servers have one and others do not yet, or no more. Source: redis 7.0 acl.c, authCommand; 5.0 server.c for the latter.
func needless(reply []byte) bool {
	return bytes.HasPrefix(reply, []byte("-ERR AUTH <password> called without any password configured")) ||
		bytes.HasPrefix(reply, []byte("-ERR Client sent AUTH, but no password is set"))
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

// AppendCrossServer implements codec.Answers. Cluster clients know the error's code.
func (*Protocol) AppendCrossServer(dst []byte, keys [2][]byte, servers [2]string) []byte {
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
