/* hiredis goes through the scenarios; ../doc.go tells how.
 *
 *	hiredis NAME resp2 PORT
 *
 * A step checks by itself what it gets, and shows the first thing that is wrong. Replies are not freed but where they are many: the
 * program ends soon. */
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static int port;
static redisContext *c;
static char problem[512]; /* of the step, or "" */
static char saw[8192];

static void print_json(const char *s) {
    putchar('"');
    for (; *s; s++) {
        unsigned char b = *s;
        if (b == '"' || b == '\\')
            printf("\\%c", b);
        else if (b < 0x20 || b > 0x7e)
            printf("\\u%04x", b);
        else
            putchar(b);
    }
    putchar('"');
}

static void fail(const char *format, ...) {
    va_list args;
    if (*problem) return;
    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
}

static void see(const char *format, ...) {
    va_list args;
    size_t n = strlen(saw);
    va_start(args, format);
    vsnprintf(saw + n, sizeof saw - n, format, args);
    va_end(args);
}

/* show writes what a reply is, with its type. */
static void show(const redisReply *r) {
    size_t i;
    if (!r) {
        see("nothing");
        return;
    }
    switch (r->type) {
    case REDIS_REPLY_STRING: see("\"%s\"", r->str); break;
    case REDIS_REPLY_STATUS: see("+%s", r->str); break;
    case REDIS_REPLY_ERROR: see("-%s", r->str); break;
    case REDIS_REPLY_INTEGER: see(":%lld", r->integer); break;
    case REDIS_REPLY_NIL: see("nil"); break;
    default:
        see("[");
        for (i = 0; i < r->elements; i++) {
            if (i) see(" ");
            show(r->element[i]);
        }
        see("]");
    }
}

static redisContext *dial(void) {
    struct timeval patience = {10, 0};
    redisContext *d = redisConnect("127.0.0.1", port);
    if (!d || d->err) {
        fail("redisConnect: %s", d ? d->errstr : "no memory");
        return d;
    }
    redisSetTimeout(d, patience);
    return d;
}

/* ask sends a command whose words have no spaces, and returns the reply, never NULL. */
static redisReply *ask(redisContext *on, const char *format, ...) {
    static redisReply none = {.type = REDIS_REPLY_NIL};
    redisReply *r;
    va_list args;
    va_start(args, format);
    r = redisvCommand(on, format, args);
    va_end(args);
    if (!r) fail("%s: %s", format, on->errstr);
    return r ? r : &none;
}

/* what a reply is must be written as this. */
static void want(const char *expected, const redisReply *r, const char *what) {
    size_t n = strlen(saw);
    show(r);
    if (strcmp(saw + n, expected)) fail("%s = %.200s; want %.200s", what, saw + n, expected);
    saw[n] = 0;
}

static void ping(void) { want("+PONG", ask(c, "PING"), "PING"); }

static void expiry(void) {
    redisReply *r;
    want("+OK", ask(c, "SET hiredis-resp2:s value EX 1000"), "SET");
    want("\"value\"", ask(c, "GET hiredis-resp2:s"), "GET");
    r = ask(c, "TTL hiredis-resp2:s");
    if (r->integer < 1 || r->integer > 1000) fail("TTL %lld", r->integer);
}

static void values(size_t size, const char *name) {
    char *v = malloc(size);
    size_t i;
    redisReply *r;
    for (i = 0; i < size; i++) v[i] = (char)(i * 7);
    want("+OK", ask(c, "SET hiredis-resp2:%s%b %b", name, v, (size_t)256, v, size), "SET"); /* a key of every byte, too */
    r = ask(c, "GET hiredis-resp2:%s%b", name, v, (size_t)256);
    if ((size_t)r->len != size || memcmp(r->str, v, size)) fail("GET: other bytes than those set");
    free(v);
}

static void binary(void) { values(256, "b"); }
static void large(void) { values(1 << 20, "large"); }

static void types(void) {
    const char *commands[] = {"INCR hiredis-resp2:n", "HSET hiredis-resp2:h f v g w", "HGETALL hiredis-resp2:h",
        "SADD hiredis-resp2:one a", "SMEMBERS hiredis-resp2:one", "ZADD hiredis-resp2:z -inf l 1.5 half inf h",
        "ZRANGE hiredis-resp2:z 0 -1 WITHSCORES", "ZSCORE hiredis-resp2:z half", "GET hiredis-resp2:missing",
        "HGETALL hiredis-resp2:missing", "MGET hiredis-resp2:s hiredis-resp2:missing", "PING", "EXISTS hiredis-resp2:s"};
    size_t i;
    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        see("%s ", commands[i]);
        show(ask(c, commands[i]));
        see("\n");
    }
}

static void multi_key(void) {
    char mset[4096] = "MSET", mget[4096] = "MGET", del[4096] = "DEL";
    redisReply *r;
    size_t i;
    for (i = 0; i < 50; i++) {
        sprintf(mget + strlen(mget), " hiredis-resp2:m%zu", i);
        sprintf(del + strlen(del), " hiredis-resp2:m%zu", i);
        if (i % 5 != 3) sprintf(mset + strlen(mset), " hiredis-resp2:m%zu v%zu", i, i);
    }
    want("+OK", ask(c, mset), "MSET");
    r = ask(c, mget);
    if (r->elements != 50) fail("MGET has %zu values", r->elements);
    for (i = 0; i < r->elements; i++) {
        char v[16];
        sprintf(v, i % 5 == 3 ? "nil" : "\"v%zu\"", i);
        want(v, r->element[i], "MGET");
    }
    want(":40", ask(c, del), "DEL");
    want(":0", ask(c, del), "DEL");
}

static void pipeline(void) {
    void *r;
    int i;
    for (i = 0; i < 500; i++) {
        redisAppendCommand(c, "SET hiredis-resp2:p%d v%d", i, i);
        redisAppendCommand(c, "GET hiredis-resp2:p%d", i);
        redisAppendCommand(c, "GET hiredis-resp2:missing%d", i);
    }
    for (i = 0; i < 1500; i++) {
        char v[16];
        if (redisGetReply(c, &r) != REDIS_OK) {
            fail("reply %d: %s", i, c->errstr);
            return;
        }
        sprintf(v, "\"v%d\"", i / 3);
        want(i % 3 == 0 ? "+OK" : i % 3 == 1 ? v : "nil", r, "reply in a pipeline");
        freeReplyObject(r);
    }
}

static void script(void) {
    redisReply *r;
    want("[\"hiredis-resp2:s\" \"arg\" :42 nil]", ask(c, "EVAL %s 1 hiredis-resp2:s arg", "return {KEYS[1], ARGV[1], 42, false}"), "EVAL");
    r = ask(c, "SCRIPT LOAD %s", "-- hiredis\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])");
    want(":2", ask(c, "EVALSHA %s 1 hiredis-resp2:sn 2", r->str), "EVALSHA");
}

static void transaction(const char *key, int n, const char *expected) {
    int i;
    show(ask(c, "MULTI"));
    for (i = 0; i < n; i++) show(ask(c, "SET hiredis-resp2:%s%d v", key, i));
    want(expected, ask(c, "EXEC"), "EXEC");
    *saw = 0;
}

static void multi(void) { transaction("{t}", 2, "[+OK +OK]"); }
static void multi_anywhere(void) { transaction("t", 8, "[+OK +OK +OK +OK +OK +OK +OK +OK]"); }

static void watch(void) {
    redisContext *other = dial();
    int theirs;
    for (theirs = 1; theirs >= 0 && !*problem; theirs--) {
        want("+OK", ask(c, "WATCH hiredis-resp2:w"), "WATCH");
        if (theirs) want("+OK", ask(other, "SET hiredis-resp2:w theirs"), "SET");
        want("+OK", ask(c, "MULTI"), "MULTI");
        want("+QUEUED", ask(c, "SET hiredis-resp2:w mine"), "SET");
        want(theirs ? "nil" : "[+OK]", ask(c, "EXEC"), "EXEC");
        want(theirs ? "\"theirs\"" : "\"mine\"", ask(c, "GET hiredis-resp2:w"), "GET");
    }
    redisFree(other);
}

static void blocking_pop(void) {
    redisContext *other = dial();
    void *r = NULL;
    want("nil", ask(c, "BLPOP hiredis-resp2:list 0.1"), "BLPOP");
    redisAppendCommand(other, "BLPOP hiredis-resp2:list 5");
    for (int done = 0; !done;) redisBufferWrite(other, &done);
    want(":1", ask(c, "RPUSH hiredis-resp2:list v"), "RPUSH");
    if (redisGetReply(other, &r) != REDIS_OK) fail("BLPOP: %s", other->errstr);
    want("[\"hiredis-resp2:list\" \"v\"]", r, "BLPOP");
    redisFree(other);
}

static void pubsub(void) {
    redisContext *other = dial();
    void *r = NULL;
    want("[\"subscribe\" \"hiredis-resp2:channel\" :1]", ask(other, "SUBSCRIBE hiredis-resp2:channel"), "SUBSCRIBE");
    want("[\"psubscribe\" \"hiredis-resp2:ch*\" :2]", ask(other, "PSUBSCRIBE hiredis-resp2:ch*"), "PSUBSCRIBE");
    if (!*problem) {
        ask(c, "PUBLISH hiredis-resp2:channel hello");
        for (int i = 0; i < 2 && redisGetReply(other, &r) == REDIS_OK; i++) {
            show(r);
            see("\n");
        }
        want("[\"unsubscribe\" \"hiredis-resp2:channel\" :1]", ask(other, "UNSUBSCRIBE hiredis-resp2:channel"), "UNSUBSCRIBE");
    }
    redisFree(other);
}

static void scan(void) {
    char cursor[32] = "0", seen[200] = {0};
    int i, found = 0;
    for (i = 0; i < 200; i++) ask(c, "SET hiredis-resp2:scan%d v", i);
    do {
        redisReply *r = ask(c, "SCAN %s MATCH hiredis-resp2:scan* COUNT 50", cursor);
        size_t k;
        if (r->type != REDIS_REPLY_ARRAY) {
            fail("SCAN: %s", r->str ? r->str : "no list");
            return;
        }
        snprintf(cursor, sizeof cursor, "%s", r->element[0]->str);
        for (k = 0; k < r->element[1]->elements; k++) {
            i = atoi(r->element[1]->element[k]->str + strlen("hiredis-resp2:scan"));
            found += !seen[i];
            seen[i] = 1;
        }
    } while (strcmp(cursor, "0"));
    if (found != 200) fail("SCAN found %d keys", found);
}

static void scan_key(void) { want("[\"0\" [\"f\" \"v\" \"g\" \"w\"]]", ask(c, "HSCAN hiredis-resp2:h 0 COUNT 100"), "HSCAN"); }

static void streams(void) {
    const char *commands[] = {"XGROUP CREATE hiredis-resp2:x g 0 MKSTREAM", "XADD hiredis-resp2:x 1-1 f v1", "XADD hiredis-resp2:x 2-1 f v2",
        "XREADGROUP GROUP g one COUNT 1 BLOCK 50 STREAMS hiredis-resp2:x >", "XREADGROUP GROUP g two COUNT 9 BLOCK 50 STREAMS hiredis-resp2:x >",
        "XREADGROUP GROUP g two COUNT 9 BLOCK 50 STREAMS hiredis-resp2:x >", "XACK hiredis-resp2:x g 1-1", "XPENDING hiredis-resp2:x g"};
    size_t i;
    for (i = 0; i < sizeof commands / sizeof *commands; i++) {
        show(ask(c, commands[i]));
        see("\n");
    }
}

static void errors(void) {
    show(ask(c, "INCR hiredis-resp2:s"));
    show(ask(c, "GET hiredis-resp2:h"));
    show(ask(c, "EVALSHA 0000000000000000000000000000000000000000 1 hiredis-resp2:s"));
    show(ask(c, "EVAL %s 1 hiredis-resp2:s", "return redis.error_reply('MINE of a script')"));
    show(ask(c, "GET hiredis-resp2:s too many"));
    want("\"value\"", ask(c, "GET hiredis-resp2:s"), "GET");
}

static void unknown(void) {
    show(ask(c, "NOSUCH hiredis-resp2:s"));
    want("\"value\"", ask(c, "GET hiredis-resp2:s"), "GET");
}

static void wait_replicas(void) { want(":0", ask(c, "WAIT 0 10"), "WAIT"); }

static void database(void) {
    redisContext *other = dial();
    want("+OK", ask(other, "SELECT 1"), "SELECT");
    want("+OK", ask(other, "SET hiredis-resp2:db one"), "SET");
    want("nil", ask(c, "GET hiredis-resp2:db"), "GET");
    redisFree(other);
}

/* The library connects again when it is told to. */
static void reconnect(void) {
    redisContext *victim = dial();
    redisReply *id = ask(victim, "CLIENT ID"), *r;
    want(":1", ask(c, "CLIENT KILL ID %lld", id->integer), "CLIENT KILL");
    r = redisCommand(victim, "GET hiredis-resp2:s");
    if (r) fail("GET on a connection that was closed was answered");
    if (redisReconnect(victim) != REDIS_OK) fail("redisReconnect: %s", victim->errstr);
    want("\"value\"", ask(victim, "GET hiredis-resp2:s"), "GET");
    redisFree(victim);
}

static void concurrent(void) {
    redisContext *all[4];
    int i;
    for (i = 0; i < 4; i++) all[i] = dial();
    for (i = 0; i < 100; i++) ask(all[i % 4], "INCR hiredis-resp2:shared");
    want("\"100\"", ask(c, "GET hiredis-resp2:shared"), "GET");
    for (i = 0; i < 4; i++) redisFree(all[i]);
}

static void quit(void) {
    want("+OK", ask(c, "QUIT"), "QUIT");
    redisFree(c);
}

static void connect_(void) {
    c = dial();
    ping();
}

static const struct {
    const char *name;
    void (*body)(void);
} steps[] = {{"connect", connect_}, {"expiry", expiry}, {"binary", binary}, {"large", large}, {"generic", types}, {"multi-key", multi_key},
    {"pipeline", pipeline}, {"script", script}, {"MULTI", multi}, {"MULTI over any keys", multi_anywhere}, {"WATCH conflict", watch},
    {"blocking pop", blocking_pop}, {"pub/sub", pubsub}, {"SCAN", scan}, {"SCAN of a key", scan_key}, {"streams with groups", streams},
    {"errors", errors}, {"unknown command", unknown}, {"WAIT", wait_replicas}, {"SELECT", database},
    {"reconnect after CLIENT KILL", reconnect}, {"concurrent", concurrent}, {"quit", quit}};

int main(int argc, char **argv) {
    size_t i;
    if (argc != 4) {
        fprintf(stderr, "usage: hiredis NAME resp2 PORT\n");
        return 2;
    }
    port = atoi(argv[3]);
    printf("{\"version\": \"%d.%d.%d\"}\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    for (i = 0; i < sizeof steps / sizeof *steps; i++) {
        *problem = *saw = 0;
        steps[i].body();
        printf("{\"step\": \"%s\", \"%s\": ", steps[i].name, *problem ? "error" : "saw");
        print_json(*problem ? problem : saw);
        printf("}\n");
        fflush(stdout);
        if (i == 0 && *problem) return 1; /* nothing is tried after it could not connect */
    }
    return 0;
}
