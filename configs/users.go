package configs

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/codec/acl"
	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/regular"
)

const (
	// wantUser is what a line of users holds.
	wantUser = `a name and rules of Redis's ACLs on one line, such as "alice on >secret ~a:* +@read"`
	// maxACLFile is how long an aclfile may be.
	maxACLFile = 16 << 20
)

// usersKey takes any text: users finds what is wrong with each line. No secret of it is ever shown.
func (p *pool) usersKey() key {
	return key{
		name: "users", to: &p.userLines, isList: true, isSecret: true, want: wantUser,
		set: func(n *yaml.Node) string {
			p.userLines, p.userNodes = append(p.userLines, n.Value), append(p.userNodes, n)
			return ""
		},
		show: func() any {
			if len(p.userLines) == 0 {
				return nil
			}
			return p.userLines
		},
	}
}

func (p *pool) aclFileKey() key { return pathKey("aclfile", "a path", &p.aclFile) }

// users checks a pool's users, wherever they stand.
func (c *checker) users(p *pool, isMemcached bool) {
	list, inline := p.value("users")
	file, inFile := p.value("aclfile")
	at := Problem{Pool: p.Name, Key: "aclfile"}
	switch {
	case inline && inFile:
		c.report(file, at.because(`directives "users:" (line %d) and "aclfile:" exclude each other`, list.Line))
	case inline:
		at.Key = "users"
		before := len(c.problems)
		for i, n := range p.userNodes {
			p.userLines[i] = c.userLine(n, at)
		}
		c.strayHashes(p, p.given["users"].name.Line, at)
		if len(c.problems) == before {
			c.parseUsers(p, isMemcached, func(e *acl.Error) {
				at.Want = wantUser
				c.report(p.userNodes[e.Line], at.because("%s", reasonOfRule(e)))
			})
		}
	case inFile:
		c.aclFile(p, isMemcached, file, at)
	}
	if p.users == nil || isMemcached {
		return
	}
	for i, line := range p.userLines {
		name, n := strings.Fields(line)[0], file
		if inline {
			n = p.userNodes[i]
		}
		u := p.users.Find(name)
		switch {
		case p.Cluster && u.DB > 0:
			c.report(n, at.because("%s begins in database %d, and a cluster has database 0 alone", called(u), u.DB))
		case !p.Cluster && u.DB >= p.databases && u.DB != p.redisDB:
			wrong := Problem{Pool: p.Name, Key: "databases"}
			c.report(n, wrong.because("do not have %d, in which %s begins", u.DB, called(u)))
		}
	}
}

// called is a user as a mistake has it: by name, but for one without a password, where that may be what stands in the name's place.
func called(u *acl.User) string {
	if u.Passwords() == 0 {
		return "a user"
	}
	return "user '" + oneLine(u.Name) + "'"
}

// strayHashes reports hashes of passwords on lines of their own, from line on, where the list is: to YAML they are comments.
func (c *checker) strayHashes(p *pool, line int, at Problem) {
	last := line
	if n := len(p.userNodes); n > 0 {
		last = p.userNodes[n-1].Line
	}
	for ; line <= c.text.lines(); line++ {
		text := strings.TrimSpace(c.text.line(line))
		switch {
		case acl.IsHash(text):
			c.report(&yaml.Node{Line: line, Column: 1}, at.because("has the hash of a password on a line of its own, which is a comment: put it behind its user's name"))
		case line > last && text != "" && text[0] != '#':
			return
		}
	}
}

// parseUsers makes p's users of its lines.
func (c *checker) parseUsers(p *pool, isMemcached bool, report func(*acl.Error)) {
	us, wrong := resp.Users(p.userLines, p.auth.text)
	if isMemcached {
		us, wrong = memcached.Users(p.userLines)
	}
	for _, e := range wrong {
		report(e)
	}
	if len(wrong) == 0 {
		p.users = us
	}
}

// reasonOfRule is e in words: of the rule no more than what it begins with, since what is wrong may be a password.
func reasonOfRule(e *acl.Error) string {
	if e.At == 0 {
		return e.Reason
	}
	return fmt.Sprintf("word %d, %q: %s", e.At, e.Word, e.Reason)
}

// userLine is what a line of users says. To a reader of YAML a '#' behind a space begins a comment: here the hash of a password is read as
// that, and what is neither a hash nor plainly a comment is a mistake, lest a user be without the password that stands there.
func (c *checker) userLine(n *yaml.Node, at Problem) string {
	if n.Style != 0 {
		return n.Value
	}
	words, value := strings.Fields(c.text.from(n)), strings.Fields(n.Value)
	if len(words) < len(value) || !slices.Equal(words[:len(value)], value) || len(words) > len(value) && words[len(value)][0] != '#' {
		at.Want = wantUser
		c.report(n, at.because("goes on behind its line: put it on one line, or in quotes"))
		return n.Value
	}
	for _, word := range words[len(value):] {
		switch {
		case word == "#":
			return strings.Join(value, " ")
		case word[0] == '#' && !acl.IsHash(word):
			at.Want = "'#' and 64 lower-case hexadecimal digits, the SHA-256 of a password; before a comment, '# '"
			c.report(n, at.because("has a '#' that begins neither the hash of a password nor, with a space behind it, a comment"))
			return n.Value
		}
		value = append(value, word)
	}
	return strings.Join(value, " ")
}

// aclFiles are files of users that were read, by path.
type aclFiles map[string][]byte

// read is the file at path, as it was when it was first read.
func (a aclFiles) read(path string) (data []byte, err error) {
	data, ok := a[path]
	if !ok {
		if data, err = regular.Read(path, maxACLFile); err == nil {
			a[path] = data
		}
	}
	return data, err
}

// aclFile reads the file that has p's users, as Redis's aclfile; a relative path begins where the configuration is.
//
// Source: redis 7.0 acl.c, ACLLoadFromFile.
func (c *checker) aclFile(p *pool, isMemcached bool, n *yaml.Node, at Problem) {
	path := p.aclFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(c.file), path)
	}
	at.Value = n.Value
	data, err := c.acls.read(path)
	if err != nil {
		c.report(n, at.because("can't be read: %v", pathless(err)))
		return
	}
	var numbers []int // of the lines in the file
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if acl.IsHash(line) {
			c.report(n, at.because("line %d has the hash of a password alone, which is a comment: put it behind its user's name", i+1))
			return
		}
		if line == "" || line[0] == '#' {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if word != "user" {
			c.report(n, at.because("line %d should start with user keyword", i+1))
			return
		}
		p.userLines, numbers = append(p.userLines, rest), append(numbers, i+1)
	}
	c.parseUsers(p, isMemcached, func(e *acl.Error) {
		at.Value = ""
		c.report(n, at.because("line %d of %s: %s", numbers[e.Line], oneLine(withoutPasswords(p.aclFile)), reasonOfRule(e)))
	})
	if p.users != nil {
		p.users.File = p.aclFile
	}
}
