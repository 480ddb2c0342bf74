package acl

import (
	"net/netip"
	"slices"
	"strings"
)

// Certificate is what a client's certificate says of it: the common name of its subject, and alternative names, which may be of hosts,
// "name", or URIs, "spiffe://domain/path".
type Certificate struct {
	CommonName string
	Names      []string
}

// network is where a user's clients come from.
type network struct {
	of netip.Prefix
	by *User
}

// unixSocket is the address of all who come by one.
const unixSocket = "unix"

// setAddress is address=value.
func (u *User) setAddress(value string) (why string) {
	if value == unixSocket {
		u.from = append(u.from, value)
		return ""
	}
	of, err := netip.ParsePrefix(value)
	if a, e := netip.ParseAddr(value); e == nil && a.Zone() == "" {
		of, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil || of.Addr().Is4In6() {
		return "is not an address, a network such as 10.0.0.0/8, or unix"
	}
	u.from = append(u.from, of.Masked().String())
	return ""
}

// claim has u alone be who has its certificates and comes from its addresses. taken is what other lines have.
func (us *Users) claim(u *User, line int, taken map[string]string) (wrong []*Error) {
	for i, value := range slices.Concat(u.certs, u.from) {
		if other, ok := taken[value]; ok && other != u.Name { // no certificate looks like an address: it has a kind
			word := "cert="
			if i >= len(u.certs) {
				word = "address="
			}
			wrong = append(wrong, &Error{Line: line, Reason: "has a " + word + " that another line has already"})
		}
		taken[value] = u.Name
	}
	return wrong
}

// sortNetworks finds the users of addresses, the narrowest networks first.
func (us *Users) sortNetworks() {
	for _, name := range us.names {
		u := us.byName[name]
		for _, from := range u.from {
			if of, err := netip.ParsePrefix(from); err == nil {
				us.nets = append(us.nets, network{of, u})
			} else {
				us.unix = u
			}
		}
	}
	slices.SortStableFunc(us.nets, func(a, b network) int { return b.of.Bits() - a.of.Bits() })
}

// Known is the user that a client is without a login: by its certificate, nil if it has none, or else by its address, as the log
// shows it; nil: none, or one that is off.
func (us *Users) Known(c *Certificate, addr string) *User {
	if c != nil {
		if u := us.byCertificate(c); u != nil {
			return u
		}
	}
	u := us.byAddress(addr)
	if u == nil || !u.on {
		return nil
	}
	return u
}

// byAddress is the user of the narrowest network that has addr.
func (us *Users) byAddress(addr string) *User {
	if addr == unixSocket {
		return us.unix
	}
	if len(us.nets) == 0 {
		return nil
	}
	from, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil
	}
	a := from.Addr().Unmap().WithZone("")
	for i := range us.nets {
		if us.nets[i].of.Contains(a) {
			return us.nets[i].by
		}
	}
	return nil
}

// byCertificate is the user that a certificate is. Of several the first alternative name that is one decides, the one as a SPIFFE id before the
// same as a host's, and then the common name. Names of hosts are compared without regard to case, and nothing else is.
func (us *Users) byCertificate(c *Certificate) *User {
	for _, san := range c.Names {
		if u := us.withCert("SPIFFE:" + san); u != nil {
			return u
		}
		if u := us.withCert(certName("SAN", san)); u != nil {
			return u
		}
	}
	if c.CommonName == "" {
		return nil
	}
	return us.withCert("CN:" + c.CommonName)
}

func (us *Users) withCert(cert string) *User {
	for _, name := range us.names {
		if u := us.byName[name]; u.on && slices.Contains(u.certs, cert) {
			return u
		}
	}
	return nil
}

// certName is how names in certificates are compared: those of hosts without regard to case.
func certName(kind, text string) string {
	switch kind {
	case "SAN":
		text = strings.ToLower(text)
	case "SPIFFE":
		if !strings.Contains(text, "://") {
			text = "spiffe://" + text
		}
	}
	return kind + ":" + text
}
