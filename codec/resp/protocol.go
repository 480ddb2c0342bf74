package resp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"cashew/codec"
)

// Options are the settings of a Redis pool that its protocol must know.
type Options struct {
	Password string // what clients give and servers get (twemproxy's redis_auth); "": none
	DB       int    // the servers' database (redis_db); 0 needs no SELECT
	Version  string // the Redis version that HELLO tells; "": defaultVersion
	Commands string // which commands clients may send; see DefaultCommands, which "" is
}

const defaultVersion = "7.0.0"

// Protocol is the Redis protocol of one pool. It is immutable and may be used by all loops at once.
type Protocol struct {
	password  []byte
	guarded   bool // there is a password
	db        int
	version   string
	rules     string
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
		db:       max(o.DB, 0),
		version:  o.Version,
		rules:    cmp.Or(o.Commands, DefaultCommands),
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

// DB is the servers' database.
func (p *Protocol) DB() int { return p.db }

// Rules say which commands clients may send.
func (p *Protocol) Rules() string { return p.rules }

// Profiles implements codec.Catalogue.
func (*Protocol) Profiles() []string { return profileNames[:] }

var profileNames = [profiles]string{"resp2", "resp3"}

// addSteps makes a handshake of AUTH, HELLO 3 for RESP3, and SELECT, each if needed. twemproxy sends SELECT before AUTH, and
// so works in database 0 if there is a password.
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
	if p.db > 0 {
		db := strconv.Itoa(p.db)
		add("SELECT "+db, "SELECT", db)
	}
}

// Handshake implements codec.Health.
func (p *Protocol) Handshake(pr codec.Profile) [][]byte { return p.handshake[pr] }

// CheckHandshake implements codec.Health. The error names the command and says what the server said.
func (p *Protocol) CheckHandshake(pr codec.Profile, step int, reply []byte) error {
	switch command := p.commands[pr][step]; {
	case command == helloCommand:
		return checkHello(reply)
	case len(reply) > 0 && reply[0] == '+':
		return nil
	case command == "AUTH" && needless(reply):
		return &codec.RemarkError{Text: "the server has no password; redis_auth is not needed there"}
	case p.guarded && bytes.Contains(reply, p.password):
		return errors.New(command + " was refused")
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

// AppendUnblocked implements codec.Answers. Source: redis 7.0 blocked.c, disconnectAllBlockedClients.
func (*Protocol) AppendUnblocked(dst []byte) []byte {
	return append(dst, "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"...)
}

// AppendCrossServer implements codec.Answers. Cluster clients know the error's code.
func (*Protocol) AppendCrossServer(dst []byte) []byte {
	return append(dst, "-CROSSSLOT Keys in request don't hash to the same server\r\n"...)
}

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

func appendBulk[T string | []byte](dst []byte, s T) []byte {
	dst = appendHeader(dst, '$', len(s))
	dst = append(dst, s...)
	return append(dst, crlf...)
}
