package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What a server of Redis does for those who are subscribed. The proxy has a connection for that, of RESP2.

// subscribing is what a connection to a server is subscribed to: a letter for the sort and the name, in the order in which they began.
type subscribing []string

// words of each sort, by its letter.
var subscribeWords = map[byte]struct{ begins, ends, message string }{
	'c': {"subscribe", "unsubscribe", "message"},
	'p': {"psubscribe", "punsubscribe", "pmessage"},
	's': {"ssubscribe", "sunsubscribe", "smessage"},
}

// hears is all that has to do with subscriptions. false: it is another command.
func (c *session) hears(x *request) bool {
	switch name := string(x.args[0]); name {
	case "SUBSCRIBE", "subscribe", "PSUBSCRIBE", "psubscribe", "SSUBSCRIBE", "ssubscribe":
		for _, n := range x.args[1:] {
			c.begin(sortOf(name), string(n))
		}
	case "UNSUBSCRIBE", "unsubscribe", "PUNSUBSCRIBE", "punsubscribe", "SUNSUBSCRIBE", "sunsubscribe":
		for _, n := range x.args[1:] {
			c.finish(sortOf(name), string(n))
		}
	case "PUBLISH", "publish":
		c.publish('c', x.args[1], x.args[2])
	case "SPUBLISH", "spublish":
		c.publish('s', x.args[1], x.args[2])
	case "PUBSUB", "pubsub":
		c.census(x)
	default:
		return false
	}
	return true
}

// sortOf is the letter of a command's sort: SUBSCRIBE, UNSUBSCRIBE, or with one before that.
func sortOf(name string) byte {
	switch strings.ToUpper(name[:2]) {
	case "SU", "UN":
		if strings.HasPrefix(strings.ToUpper(name), "SUN") {
			return 's'
		}
		return 'c'
	case "SS":
		return 's'
	}
	return 'p'
}

func (c *session) begin(sort byte, name string) {
	if s := string(sort) + name; !slices.Contains(c.subscribing, s) {
		c.subscribing = append(c.subscribing, s)
	}
	c.confirm(subscribeWords[sort].begins, name)
}

func (c *session) finish(sort byte, name string) {
	if i := slices.Index(c.subscribing, string(sort)+name); i >= 0 {
		c.subscribing = slices.Delete(c.subscribing, i, i+1)
	}
	c.confirm(subscribeWords[sort].ends, name)
}

func (c *session) confirm(word, name string) {
	c.out = appendBulk(append(c.out, "*3\r\n"...), []byte(word))
	c.out = fmt.Appendf(appendBulk(c.out, []byte(name)), ":%d\r\n", len(c.subscribing))
}

// publish gives a message to all who are subscribed, and says to how many.
func (c *session) publish(sort byte, channel, text []byte) {
	n := 0
	for _, to := range slices.Clone(c.conns) { // one may close
		for _, s := range slices.Clone(to.subscribing) {
			switch {
			case s[0] == sort && s[1:] == string(channel):
				to.out = appendArray(to.out, []string{subscribeWords[sort].message, string(channel), string(text)})
			case s[0] == 'p' && sort == 'c' && reaches(s[1:], string(channel)):
				to.out = appendArray(to.out, []string{"pmessage", s[1:], string(channel), string(text)})
			default:
				continue
			}
			if n++; to != c {
				to.flush()
			}
		}
	}
	c.out = fmt.Appendf(c.out, ":%d\r\n", n)
}

// reaches says that a channel matches one of the patterns that clients have: a name and a star, or a name and a set of digits.
func reaches(pattern, channel string) bool {
	if len(pattern) == 0 || len(channel) == 0 {
		return false
	}
	if n := len(pattern) - 1; pattern[n] == '*' {
		return len(channel) >= n && channel[:n] == pattern[:n]
	}
	i := slices.Index([]byte(pattern), '[')
	return i >= 0 && len(channel) == i+1 && channel[:i] == pattern[:i] && slices.Contains([]byte(pattern[i+1:len(pattern)-1]), channel[i])
}

// census is PUBSUB.
func (c *session) census(x *request) {
	count := func(s string) (n int) {
		for _, to := range c.conns {
			if slices.Contains(to.subscribing, s) {
				n++
			}
		}
		return n
	}
	all := func(sort byte) (list []string) {
		for _, to := range c.conns {
			for _, s := range to.subscribing {
				if s[0] == sort && !slices.Contains(list, s[1:]) {
					list = append(list, s[1:])
				}
			}
		}
		return list
	}
	sort := byte('c')
	sub := string(x.args[1])
	if len(sub) > 5 && sub[:5] == "shard" {
		sort, sub = 's', sub[5:]
	}
	switch sub {
	case "channels":
		c.out = appendArray(c.out, all(sort))
	case "numsub":
		c.out = append(strconv.AppendInt(append(c.out, '*'), int64(2*len(x.args[2:])), 10), "\r\n"...)
		for _, name := range x.args[2:] {
			c.out = fmt.Appendf(appendBulk(c.out, name), ":%d\r\n", count(string(sort)+string(name)))
		}
	case "numpat":
		c.out = fmt.Appendf(c.out, ":%d\r\n", len(all('p')))
	default:
		panic("sim: the proxy sent PUBSUB " + sub)
	}
}
