package topology

import "time"

// DiscoveryOptions are where a plain pool's servers are looked for besides the file, and how what is found there comes into force. This
// package knows no more of it than that: package discovery looks, and engine.Proxy.SetServers has the pool's place taken by one with
// what was found, which has each Server whose address stays.
type DiscoveryOptions struct {
	Discovery     string          // "file PATH", "dns HOST:PORT", ...: a kind, and what it is to look for; "": nowhere
	DiscoveryFrom []string        // who is asked, by addresses; nil: as the kind has it
	Begin         []ServerOptions // those of the file, sorted as Options.Servers: where nothing else is known, the pool begins with them

	DiscoveryUsername, DiscoveryPassword, DiscoveryToken string
	DiscoveryShown                                       map[string]any // how these stand in the file, without secrets

	DiscoveryTLS           bool
	DiscoveryTLSCACertFile string // who signed the certificates of who is asked; "": whom the system trusts
	DiscoveryTLSCertFile   string // what is shown to who asks; "": nothing
	DiscoveryTLSKeyFile    string
	DiscoveryTLSName       string // what is to be in these certificates; "": the host

	ApplyMembership bool          // names and weights come into force as well, and not addresses alone
	DiscoverySettle time.Duration // for so long they have been the same then
	DiscoveryWait   time.Duration // for so long a start waits for the first list
	DiscoveryCache  string        // the file that keeps the list in force; "": none does
}

// Nowhere is the only server of a pool of which nothing is known yet: its address is not, so requests get an error.
func Nowhere() []ServerOptions {
	return []ServerOptions{{Name: "undiscovered", PName: "undiscovered", Network: "tcp", Weight: 1}}
}
