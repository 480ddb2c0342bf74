package dist

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// options are those that a usage lists, short and long.
var options = regexp.MustCompile(`(?m)^ +(?:(-[a-zA-Z]), +)?(--[a-z-]+)`)

// told returns the words of usages: those of the program, and the long options of its commands.
func told(t *testing.T) (ofProgram, ofCommands []string) {
	t.Helper()
	text := program(t, cashew, "--help")
	for _, o := range options.FindAllStringSubmatch(text, -1) {
		ofProgram = append(ofProgram, o[1], o[2])
	}
	if len(ofProgram) < 28 {
		t.Fatalf("the usage has the options %q; something is wrong with this test:\n%s", ofProgram, text)
	}
	for _, c := range regexp.MustCompile(`(?m)^  ([a-z]+) +[a-z]`).FindAllStringSubmatch(text, -1) {
		ofProgram = append(ofProgram, c[1])
		for _, o := range options.FindAllStringSubmatch(program(t, cashew, c[1], "--help"), -1) {
			ofCommands = append(ofCommands, o[2])
		}
	}
	slices.Sort(ofCommands)
	return slices.DeleteFunc(ofProgram, func(s string) bool { return s == "" }), slices.Compact(ofCommands)
}

// All options and commands that the program has are in the man page and in the completions, and in these all options of commands as well.
func TestOptionsAreTold(t *testing.T) {
	ofProgram, ofCommands := told(t)
	for _, name := range []string{"cashew.1", "cashew.bash", "cashew.zsh", "cashew.fish"} {
		text := strings.ReplaceAll(read(t, "../../dist/"+name), `\-`, "-")
		if name == "cashew.fish" { // which writes -s c -l conf-file
			text = regexp.MustCompile(` -l ([a-z])`).ReplaceAllString(text, " --$1")
			text = regexp.MustCompile(` -s ([a-zA-Z])\b`).ReplaceAllString(text, " -$1")
		}
		words := ofProgram
		if name != "cashew.1" {
			words = slices.Concat(ofProgram, ofCommands)
		}
		for _, w := range words {
			if !regexp.MustCompile(`(^|[^a-z-])` + regexp.QuoteMeta(w) + `([^a-z-]|$)`).MatchString(text) {
				t.Errorf("%s is not in dist/%s", w, name)
			}
		}
	}
}

func TestCompletion(t *testing.T) {
	tests := []struct{ name, line, want string }{
		{"commands", "cashew ", "demo check explain diff top bench reload upgrade health help"},
		{"a command", "cashew ex", "explain"},
		{"long option", "cashew --stats-p", "--stats-port"},
		{"option of a command", "cashew top --o", "--once"},
		{"option of the demo alone", "cashew --emb", ""},
		{"option of the demo", "cashew demo --emb", "--embedded-port"},
		{"levels", "cashew -v 1", "1 10 11"},
		{"file", "cashew -c cashew.se", "cashew.service"},
		{"what follows an option", "cashew bench --protocol m", "memcached"},
		{"file of a command", "cashew check cashew.1", "cashew.1"},
		{"nutcracker has options", "nutcracker --test", "--test-conf"},
		{"nutcracker has no commands", "nutcracker up", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script := `set -u; cd ../../dist; . ./cashew.bash
				read -ra COMP_WORDS <<<"$0"; [[ $0 == *" " ]] && COMP_WORDS+=("")
				COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cashew; echo "${COMPREPLY[*]-}"`
			if got := strings.TrimSpace(program(t, "bash", "-c", script, tt.line)); got != tt.want {
				t.Errorf("%q is completed to %q; want %q", tt.line, got, tt.want)
			}
		})
	}
}

// fish completes as bash does, and says what each is.
func TestFish(t *testing.T) {
	fish := needed(t, "fish")
	for line, want := range map[string]string{
		"cashew ex":         "explain",
		"cashew --stats-p":  "--stats-port",
		"cashew top --o":    "--once",
		"cashew --emb":      "",
		"cashew demo --emb": "--embedded-port",
		"cashew help rel":   "reload",
		"cashew -v 1":       "1 10 11",
	} {
		script := "source ../../dist/cashew.fish; complete -C '" + line + "'"
		var got []string
		for l := range strings.Lines(program(t, fish, "--no-config", "-c", script)) {
			word, _, _ := strings.Cut(strings.TrimSpace(l), "\t")
			got = append(got, word)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%q is completed to %q; want %q", line, got, want)
		}
	}
}

// pressTab is a zsh that types lines and Tab into another in a terminal of its own, and prints the lines as they are then.
const pressTab = `
zmodload zsh/zpty
dir=$2 out=$2/out
zpty shell zsh -f -i
zpty -w shell "PS1= PROMPT_EOL_MARK=; autoload -Uz compinit; compinit -u -D; source $1"
zpty -w shell "keep() { print -r -- \$BUFFER >$out.new; mv $out.new $out; BUFFER=; }; zle -N keep; bindkey '^X' keep; print ready >$dir/ready"
while [[ ! -s $dir/ready ]]; do sleep 0.02; done
shift 2
for line; do
	zpty -w -n shell "$line"$'\t\x18'
	while [[ ! -s $out ]]; do sleep 0.02; done
	cat $out
	rm $out
done
`

// zsh completes as bash does.
func TestZsh(t *testing.T) {
	zsh := needed(t, "zsh")
	file, err := filepath.Abs("../../dist/cashew.zsh")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", "-c", pressTab, "zsh", file, t.TempDir()}
	wants := []string{
		"cashew explain", "cashew --stats-port", "cashew top --once", "cashew demo --embedded-port", "cashew help reload",
		"cashew bench --protocol redis", "nutcracker --test-conf",
	}
	for i, line := range []string{"cashew ex", "cashew --stats-p", "cashew top --o", "cashew demo --emb", "cashew help rel", "cashew bench --protocol r", "nutcracker --test"} {
		args = append(args, line)
		wants[i] += " " // as zsh goes on behind a word
	}
	if got, want := program(t, zsh, args...), strings.Join(wants, "\n")+"\n"; got != want {
		t.Errorf("lines are completed to\n%s\nand not to\n%s", got, want)
	}
}
