// spymemcached goes through the scenarios; ../doc.go tells how.
//
//	java Spymemcached text|binary PORT

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import net.spy.memcached.BinaryConnectionFactory;
import net.spy.memcached.CASValue;
import net.spy.memcached.DefaultConnectionFactory;
import net.spy.memcached.MemcachedClient;

public class Spymemcached {
    interface Step {
        String run() throws Exception;
    }

    static MemcachedClient c;
    static String prefix;

    static String key(String name) {
        return prefix + name;
    }

    static void same(Object want, Object got, String what) {
        if (!Objects.equals(want, got)) {
            throw new AssertionError(what + " = " + got + "; want " + want);
        }
    }

    static void step(String name, Step body) {
        String kind = "saw", text;
        try {
            text = body.run();
        } catch (Exception | AssertionError e) {
            kind = "error";
            text = e.toString();
        }
        StringBuilder quoted = new StringBuilder();
        for (char b : text.toCharArray()) {
            quoted.append(b < ' ' || b > '~' || b == '"' || b == '\\' ? String.format("\\u%04x", (int) b) : String.valueOf(b));
        }
        System.out.println("{\"step\": \"" + name + "\", \"" + kind + "\": \"" + quoted + "\"}");
        if (name.equals("connect") && kind.equals("error")) {
            System.exit(1); // nothing is tried after it
        }
    }

    public static void main(String[] args) throws Exception {
        boolean binary = args[0].equals("binary");
        prefix = "spymemcached-" + args[0] + ":";
        // What the library says of its connections would stand in the middle of our lines.
        System.setProperty("net.spy.log.LoggerImpl", "net.spy.memcached.compat.log.SunLogger");
        java.util.logging.Logger.getLogger("").setLevel(java.util.logging.Level.WARNING);
        System.out.println("{\"version\": \"" + System.getProperty("version") + "\"}");
        c = new MemcachedClient(binary ? new BinaryConnectionFactory() : new DefaultConnectionFactory(),
            List.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1]))));
        step("connect", () -> {
            same(true, c.set(key("connect"), 0, "v").get(5, TimeUnit.SECONDS), "set");
            return "";
        });
        step("basic", () -> {
            same(true, c.set(key("s"), 1000, "value").get(), "set");
            same("value", c.get(key("s")), "get");
            same(null, c.get(key("missing")), "get");
            same(true, c.delete(key("s")).get(), "delete");
            return c.delete(key("s")).get() + "";
        });
        step("types", () -> {
            Object[] all = {"ünïcode", 0, -1L, 1.5, true, new ArrayList<>(List.of("a", 1))};
            for (int i = 0; i < all.length; i++) {
                same(true, c.set(key("t" + i), 0, all[i]).get(), "set");
                same(all[i], c.get(key("t" + i)), "get");
            }
            return "";
        });
        step("large", () -> {
            byte[] value = new byte[1_000_000];
            new java.util.Random(1).nextBytes(value);
            same(true, c.set(key("large"), 0, value).get(30, TimeUnit.SECONDS), "set");
            same(true, Arrays.equals(value, (byte[]) c.get(key("large"))), "get is what was set");
            return "";
        });
        step("add, replace", () -> {
            String seen = c.replace(key("a"), 0, "1").get() + "\n" + c.add(key("a"), 0, "2").get() + "\n" + c.add(key("a"), 0, "3").get();
            same(true, c.replace(key("a"), 0, "4").get(), "replace");
            same("4", c.get(key("a")), "get");
            return seen;
        });
        step("append, prepend", () -> {
            c.set(key("ap"), 0, "b").get();
            same(true, c.append(key("ap"), "c").get() && c.prepend(key("ap"), "a").get(), "append, prepend");
            same("abc", c.get(key("ap")), "get");
            return c.append(key("missing"), "x").get() + "";
        });
        step("counter", () -> {
            c.set(key("n"), 0, "5").get();
            return c.incr(key("n"), 1) + "\n" + c.decr(key("n"), 100) + "\n" + c.incr(key("missing"), 1) + "\n" + c.incr(key("default"), 1, 7);
        });
        step("touch", () -> c.touch(key("n"), 1000).get() + "\n" + c.touch(key("missing"), 1000).get());
        step("many", () -> {
            List<String> keys = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                keys.add(key("m" + i));
                c.set(key("m" + i), 0, "v" + i);
            }
            keys.add(key("missing"));
            Map<String, Object> got = c.getBulk(keys);
            same(50, got.size(), "number of values");
            same("v49", got.get(key("m49")), "getBulk");
            return "";
        });
        step("cas", () -> {
            c.set(key("cas"), 0, "v").get();
            CASValue<Object> value = c.gets(key("cas"));
            return c.cas(key("cas"), value.getCas(), "w") + "\n" + c.cas(key("cas"), value.getCas(), "x") + "\n" + c.get(key("cas"));
        });
        step("concurrent", () -> {
            c.set(key("shared"), 0, "0").get();
            Thread[] threads = new Thread[4];
            for (int i = 0; i < 4; i++) {
                threads[i] = new Thread(() -> {
                    for (int n = 0; n < 25; n++) {
                        c.incr(key("shared"), 1);
                    }
                });
                threads[i].start();
            }
            for (Thread t : threads) {
                t.join();
            }
            same("100", c.get(key("shared")), "get");
            return "";
        });
        step("quit", () -> {
            same(true, c.shutdown(5, TimeUnit.SECONDS), "shutdown");
            return "";
        });
        System.exit(0);
    }
}
