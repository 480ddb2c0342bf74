package memcached

import (
	"errors"

	"cashew/codec"
	"cashew/codec/acl"
)

// Options are the settings of a memcached pool that its protocol must know.
type Options struct {
	// Admin allows what reaches every server or tells of the proxy: flush_all, verbosity, stats, slabs (memcached_admin).
	Admin bool
	// MaxValue is the largest data block in bytes that is sent to a server; a larger one is refused and skipped as it
	// comes. 0: maxValue, which is also the limit. The engine's limit of a frame should be 4 KiB above it.
	MaxValue int
	// Users are who clients may be, by Users; nil: none, and nobody logs in.
	Users *acl.Users
}

// Protocol is the memcached protocol of one pool. It is immutable and may be used by all loops at once.
type Protocol struct {
	noTransactions
	noWalks
	noPubSub
	noLessons
	noDatabases
	noCluster
	noSentinels
	noReplicas
	noScripts
	admin    bool
	guarded  bool // clients have to log in
	users    *acl.Users
	maxValue int
}

var _ codec.Protocol = (*Protocol)(nil)

// New builds the protocol of one pool.
func New(o Options) *Protocol {
	p := &Protocol{admin: o.Admin, maxValue: maxValue}
	if o.MaxValue > 0 {
		p.maxValue = min(o.MaxValue, maxValue)
	}
	if p.users = o.Users; p.users != nil {
		p.guarded = !p.users.Begin().Open()
	}
	return p
}

// Name implements codec.Catalogue.
func (*Protocol) Name() string { return "memcached" }

// Admin says whether what reaches every server, or tells of the proxy, is allowed.
func (p *Protocol) Admin() bool { return p.admin }

// Profiles implements codec.Catalogue.
func (*Protocol) Profiles() []string { return []string{"text", "binary"} }

// Handshake implements codec.Health: text has none.
func (*Protocol) Handshake(_ codec.Login, pr codec.Profile, _ int) [][]byte {
	if pr == Binary {
		return greeting
	}
	return nil
}

// CheckHandshake implements codec.Health.
func (*Protocol) CheckHandshake(_ codec.Login, _ codec.Profile, _, _ int, reply []byte) error {
	return checkGreeting(reply)
}

// After implements codec.Health: there are no credentials.
func (p *Protocol) After(codec.Protocol) codec.Protocol { return p }

// Target implements codec.Commands: no command switches.
func (*Protocol) Target(cl *codec.Client, _ *codec.Command) (pr codec.Profile, db int, waits bool) {
	return cl.Profile, cl.DB, false
}

// PushKind implements codec.Replies: servers send nothing unasked.
func (*Protocol) PushKind([]byte) string { return "other" }

// AppendError implements codec.Answers. Source: twemproxy 0.5.0 msg_get_error.
func (*Protocol) AppendError(dst []byte, text string) []byte {
	dst = append(dst, "SERVER_ERROR "...)
	dst = append(dst, text...)
	return append(dst, crlf...)
}

// AppendCrossServer implements codec.Answers. Nothing needs it: only retrieval takes several keys, and it is scattered.
func (p *Protocol) AppendCrossServer(dst []byte, _ [2][]byte, _ [2]string) []byte {
	return p.AppendError(dst, "keys live on different servers")
}

// AppendMalformed implements codec.Answers.
func (p *Protocol) AppendMalformed(dst []byte, pr codec.Profile, m codec.Mark, err error) []byte {
	if pr == Binary {
		return appendBinaryMalformed(dst, m, err)
	}
	if errors.Is(err, errBinary) {
		return p.AppendError(dst, "the binary protocol behind text commands; a connection speaks one of them")
	}
	if errors.Is(err, errHTTP) {
		return p.AppendError(dst, "this is not an HTTP server")
	}
	if errors.Is(err, errTLS) {
		return p.AppendError(dst, "this port does not speak TLS")
	}
	dst = append(dst, "CLIENT_ERROR "...)
	dst = append(dst, err.Error()...)
	return append(dst, crlf...)
}

const crlf = "\r\n"
