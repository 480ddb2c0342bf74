package inspect

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"cashew/embedded"
)

// TestDemoLacks: what the help of the demo says that its servers lack they do not know, and they have what else newcomers try.
func TestDemoLacks(t *testing.T) {
	servers, err := embedded.Start(1)
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Stop()
	nc, err := net.Dial("tcp", servers.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	isUnknown := func(args ...string) bool {
		fmt.Fprintf(nc, "*%d\r\n", len(args))
		for _, arg := range args {
			fmt.Fprintf(nc, "$%d\r\n%s\r\n", len(arg), arg)
		}
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.HasPrefix(line, "-ERR unknown ")
	}
	names, _, _ := strings.Cut(demoLacks, ":")
	for name := range strings.FieldsSeq(names) {
		if !isUnknown(name) {
			t.Errorf("the demo's servers know %s", name)
		}
	}
	if isUnknown("OBJECT", "IDLETIME", "k") || !isUnknown("OBJECT", "ENCODING", "k") {
		t.Error("of OBJECT they have other subcommands")
	}
	for name := range strings.FieldsSeq("GET SETEX INCRBYFLOAT GETEX APPEND BITCOUNT HRANDFIELD LMOVE SINTERCARD ZADD ZRANGE ZMSCORE XADD XAUTOCLAIM GEOADD PFADD EVAL SCAN DUMP COPY") {
		if isUnknown(name) {
			t.Errorf("the demo's servers do not know %s, which its help does not say", name)
		}
	}
}
