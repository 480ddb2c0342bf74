package configs

import (
	"fmt"
	"strings"
	"testing"
)

// TestCauses: a mistake names the line that it is on, what is wrong there and what to do, also where the reader of YAML stumbles later.
func TestCauses(t *testing.T) {
	const listen, servers = "a:\n  listen: 127.0.0.1:1\n", "  servers:\n    - 127.0.0.1:6379:1\n"
	for _, c := range []struct{ name, file, want string }{
		{"no blank behind a colon", "a:\n  listen:127.0.0.1:1\n  redis: true\n" + servers, `2: ... there is no blank behind "listen:"; expected "listen: " and its value`},
		{"nor there, and it is the only line", "a:\n  listen:127.0.0.1:1\n", `2: ... there is no blank behind "listen:"; expected`},
		{"nor there, in the middle", listen + "  redis:true\n" + servers, `3: ... there is no blank behind "redis:"; expected`},
		{"nor there, at the end", listen + servers + "  redis:true\n", `5: ... there is no blank behind "redis:"; expected`},
		{"an equals sign", "a:\n  listen = 127.0.0.1:1\n" + servers, `2: ... "listen" has an equals sign behind it; expected "listen: "`},
		{"no blank behind a hyphen", listen + "  servers:\n    -127.0.0.1:6379:1\n", `4: ... there is no blank behind "-"; expected "- " and the entry`},
		{"nor behind the second", listen + servers + "    -127.0.0.1:6380:1\n", `5: ... there is no blank behind "-"`},
		{"too deep", listen + "    redis: true\n" + servers, "3: ... it is indented by 4, and the line before it, which has its value already, by 2; expected"},
		{"not deep enough", listen + " redis: true\n" + servers, "3: ... it is indented by 1, and those before it that it could belong to by 0, 2; expected"},
		{"an entry too deep", listen + servers + "      - 127.0.0.1:6380:1\n", "4: ... line 5 belongs to it, as that is indented further; expected"},
		{"an entry not deep enough", listen + servers + "   - 127.0.0.1:6380:1\n", "5: ... it is indented by 3, and those before it that it could belong to by 0, 2, 4"},
		{"a tab", listen + "\tredis: true\n" + servers, "3: ... expected spaces, not tabs, before the text"},
		{"not indented", "a:\nlisten: 127.0.0.1:1\nservers:\n  - 127.0.0.1:6379:1\n", "2: ... expected a pool's name; a setting stands indented below that"},
		{"no-break spaces for an indent", listen + "\u00a0\u00a0redis: true\n" + servers, "3: ... column 1 has a no-break space (U+00A0); expected a plain blank there"},
		{"for all of them", "a:\n\u00a0\u00a0listen: 127.0.0.1:1\n", "2: ... column 1 has a no-break space (U+00A0)"},
		{"behind a colon", listen + "  redis:\u00a0true\n" + servers, "3: ... column 9 has a no-break space (U+00A0)"},
		{"behind a value", listen + "  redis: true\u00a0\n" + servers, "3: ... column 14 has a no-break space (U+00A0)"},
		{"behind a hyphen", listen + "  servers:\n    -\u00a0127.0.0.1:6379:1\n", "4: ... column 6 has a no-break space (U+00A0)"},
		{"before a name", listen + "  servers:\n    - 127.0.0.1:6379:1\u00a0n\n", "4: ... column 23 has a no-break space (U+00A0)"},
		{"nobody sees it", listen + "  \u200bredis: true\n" + servers, "3: ... column 3 has a character that nobody sees (U+200B); expected nothing there"},
		{"typographic quotes", "a:\n  listen: “127.0.0.1:1”\n" + servers, `2: ... column 11 has a typographic quote (U+201C); expected plain quotes, " or ', or none`},
		{"single ones", listen + "  hash: ‘md5’\n" + servers, `3: ... column 9 has a typographic quote (U+2018); expected plain quotes, " or ', or none; did you mean "md5"?`},
		{"an apostrophe in quotes", listen + "  hash: \"x ’y\"\n" + servers, "3: ... column 12 has a typographic quote (U+2019)"},
		{"a dash", listen + "  servers:\n    – 127.0.0.1:6379:1\n", `4: ... column 5 has a dash that is no hyphen (U+2013); expected "-" there`},
		{"a wide colon", "a:\n  listen：127.0.0.1:1\n" + servers, "2: ... column 9 has a colon of full width (U+FF1A)"},
		{"brackets", "a:\n  listen: [::1]:1\n" + servers, "2: ... a value that begins with a bracket is a list to YAML; expected an IPv6 address of listen and servers without brackets, such as ::1:22121"},
		{"brackets of a server", listen + "  servers:\n    - [::1]:6379:1\n", "4: ... a value that begins with a bracket is a list to YAML"},
		{"brackets in quotes", "a:\n  listen: '[::1]:1'\n" + servers, "2: ... an IPv6 address has no brackets here; expected"},
		{"a scheme", "a:\n  listen: tcp://127.0.0.1:1\n" + servers, "2: ... a scheme does not belong to it"},
		{"a scheme of the admin pages", "global:\n  admin: http://127.0.0.1:1\n", "2: ... a scheme does not belong to it"},
		{"a host that nobody knows", "a:\n  listen: no-such-host.invalid:1\n" + servers, "2: ... its host can't be found (no such host); expected"},
		{"a port alone", "a:\n  listen: 22121\n" + servers, "2: ... it has no host; 0.0.0.0 stands for all addresses"},
		{"all addresses", "a:\n  listen: *:22121\n" + servers, `2: ... a value that begins with * is something else to YAML; expected "0.0.0.0:port" for all addresses`},
		{"a quote without end", "a:\n  listen: \"127.0.0.1:1\n" + servers, "2: ... a quote begins there and does not end"},
		{"nothing", "", "the file is empty; expected \"pool name:\""},
		{"nothing but blanks", " \n\n", "the file is empty"},
		{"comments", "# a\n", "the file has comments alone"},
		{"Latin-1", listen + "  # caf\xe9\n" + servers, "3: ... it is in another encoding; expected UTF-8"},
		{"JSON", `{"a": {"listen": "127.0.0.1:1"}}`, `1: ... is disallowed; expected "key: value", each on a line of its own`},
	} {
		line, want, found := strings.Cut(c.want, " ... ")
		if !found {
			line, want = "", c.want
		}
		_, err := parse(testFile, []byte(c.file), testLookup)
		if err == nil {
			t.Errorf("%s: it is taken", c.name)
			continue
		}
		told := false
		for text := range strings.SplitSeq(err.Error(), "\n") {
			told = told || strings.HasPrefix(text, "configs: f.yml:"+line) && strings.Contains(text, want)
		}
		if !told {
			t.Errorf("%s:\n%v\nwant %q", c.name, err, c.want)
		}
	}
}

// TestDoubtful: what can be taken and is hardly meant is warned of, and a secret not repeated.
func TestDoubtful(t *testing.T) {
	for name, c := range map[string]struct{ lines, want string }{
		"quotes of a password": {"redis_auth: “hidden”", "f.yml:4: pool p: redis_auth: is taken as it is: column 15 has a typographic quote (U+201C)"},
		"a setting in a value": {"redis_auth: hidden\n    backlog:512", `f.yml:4: pool p: redis_auth: is taken as it is: line 5 belongs to it, as there is no blank behind "backlog:"`},
		"an apostrophe":        {"redis_auth: it’s", ""},
		"rules on two lines":   {"commands: +@all\n    -@dangerous", ""},
	} {
		f, err := Parse(testFile, []byte(pool1("redis: true", c.lines)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(f.Warnings, "\n"); !strings.HasSuffix(got, c.want) || c.want == "" && got != "" || strings.Contains(got, "hidden") {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
}

// TestNoOtherPlace: of a hash or a distribution only the same one, written otherwise, is suggested: another one would move keys.
func TestNoOtherPlace(t *testing.T) {
	for _, c := range []struct{ line, meant string }{
		{"distribution: modhash", ""},
		{"distribution: modulo", ""},
		{"distribution: ketma", ""},
		{"distribution: rendezvous", ""},
		{"distribution: KETAMA", "ketama"},
		{"hash: murmur3", ""},
		{"hash: crc32c", ""},
		{"hash: md4", ""},
		{"hash: fnv1_46", ""},
		{"hash: fnv1a", ""},
		{"hash: xxhash", ""},
		{"hash: MD5", "md5"},
		{"hash: fnv1a-64", "fnv1a_64"},
		{"hash: FNV1A64", "fnv1a_64"},
		{"hash: one-at-a-time", "one_at_a_time"},
	} {
		_, err := Parse(testFile, []byte(pool1(c.line)))
		if err == nil {
			t.Errorf("%s is taken", c.line)
			continue
		}
		_, meant, _ := strings.Cut(err.Error(), "; did you mean ")
		if want := ""; c.meant != "" {
			want = fmt.Sprintf("%q?", c.meant)
			if meant != want {
				t.Errorf("%s: %v; want %s", c.line, err, want)
			}
		} else if meant != "" || !strings.Contains(err.Error(), "not supported here") {
			t.Errorf("%s: %v", c.line, err)
		}
	}
}
