package resp

import (
	"slices"
	"strings"

	"cashew/codec"
)

// asksReplication tells of an INFO whether it is about replication alone.
func asksReplication(frame []byte) bool {
	args := argsOf(frame)
	args.next()
	return args.left == 1 && equalFold(args.next(), "replication")
}

// appendInfoReply is INFO [section ...]. All of the proxy's sections are among Redis's default ones; a section that there
// is not is passed over. Source: redis 7.0 server.c, genInfoSectionDict and genRedisInfoString.
func (p *Protocol) appendInfoReply(dst []byte, pr codec.Profile, args arguments, about codec.About) []byte {
	all := args.left == 0
	var wanted []string
	for args.left > 0 {
		name := strings.ToLower(string(args.next()))
		all = all || name == "all" || name == "default" || name == "everything"
		wanted = append(wanted, name)
	}
	var b []byte
	for _, s := range about.Sections() {
		if !all && !slices.Contains(wanted, s.Name) {
			continue
		}
		if len(b) > 0 {
			b = append(b, crlf...)
		}
		b = append(b, "# "...)
		b = append(b, sectionTitle(s.Name)...)
		b = append(b, crlf...)
		if s.Name == "server" {
			b = appendFigure(b, codec.Figure{Name: "redis_version", Value: p.version})
			b = appendFigure(b, codec.Figure{Name: "redis_mode", Value: "standalone"})
		}
		for _, f := range s.Figures {
			b = appendFigure(b, f)
		}
	}
	return appendVerbatim(dst, pr, b)
}

// sectionTitle is a section's name as Redis writes it.
func sectionTitle(name string) string {
	if name == "cpu" {
		return "CPU"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func appendFigure(dst []byte, f codec.Figure) []byte {
	dst = append(dst, f.Name...)
	dst = append(dst, ':')
	dst = append(dst, f.Value...)
	return append(dst, crlf...)
}
