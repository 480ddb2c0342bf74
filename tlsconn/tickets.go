package tlsconn

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"cashew/world"
)

const (
	ticketTurn  = 6 * time.Hour // how long a secret makes new tickets
	ticketsKept = 4             // secrets; so a session can be resumed for 18 hours at least
)

// Tickets are the secrets by which clients resume their sessions. All pools of a process share them, they outlive reloads, and a
// successor gets them: a client that comes back after an upgrade is not asked for a whole handshake. Any goroutine may call its methods. With a nil one each Acceptor has secrets of its own.
type Tickets struct {
	world interface {
		world.Clock
		world.Chance
	}

	mu      sync.Mutex
	secrets [][]byte // the newest first
	turned  time.Time
	users   map[*tls.Config][]byte // and for what they are
}

// NewTickets returns Tickets with what Secrets of another process said, or nil.
func NewTickets(w world.World, secrets []byte) *Tickets {
	t := &Tickets{world: w, users: make(map[*tls.Config][]byte)}
	var s saved
	if json.Unmarshal(secrets, &s) == nil && len(s.Secrets) > 0 {
		t.secrets, t.turned = s.Secrets, s.Turned
	}
	return t
}

type saved struct {
	Secrets [][]byte
	Turned  time.Time
}

// Secrets are what another process needs to resume our clients' sessions. Whoever has them can read what was recorded of these.
func (t *Tickets) Secrets() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, err := json.Marshal(saved{t.secrets, t.turned})
	if err != nil {
		panic(err) // of bytes and a time
	}
	return text
}

// Turn makes a new secret if the newest is old. It is to be called every minute or so.
func (t *Tickets) Turn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.users) == 0 || !t.turnLocked() {
		return
	}
	for c, use := range t.users { // each is set the same, in whatever order
		c.SetSessionTicketKeys(t.keys(use))
	}
}

func (t *Tickets) turnLocked() bool {
	now := t.world.Now()
	if len(t.secrets) > 0 && now.Sub(t.turned) < ticketTurn {
		return false
	}
	secret := sha256.Sum256([]byte(t.world.Token() + t.world.Token()))
	t.secrets = slices.Insert(t.secrets, 0, secret[:])
	t.secrets = t.secrets[:min(len(t.secrets), ticketsKept)]
	t.turned = now
	return true
}

// follow gives c its keys, for a use of which nobody else's tickets are worth anything, and new ones with each turn.
func (t *Tickets) follow(c *tls.Config, use [32]byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turnLocked()
	t.users[c] = use[:]
	c.SetSessionTicketKeys(t.keys(use[:]))
}

// leave ends follow.
func (t *Tickets) leave(c *tls.Config) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.users, c)
}

func (t *Tickets) keys(use []byte) [][32]byte {
	keys := make([][32]byte, len(t.secrets))
	for i, s := range t.secrets {
		k, err := hkdf.Key(sha256.New, s, use, "cashew session ticket", len(keys[i]))
		if err != nil {
			panic(fmt.Sprintf("tlsconn: %v", err)) // of lengths that are all fixed
		}
		copy(keys[i][:], k)
	}
	return keys
}
