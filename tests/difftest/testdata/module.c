// A module for redis-server 7.0, with commands that no table has: each has its keys somewhere else, or says something else of itself.
// There is no header of the module API besides the server's source, so what is used of it is declared here; a module finds the
// functions by their names. Source: redis 7.0 redismodule.h.

#include <stddef.h>
#include <stdint.h>

typedef struct Ctx Ctx;
typedef struct String String;
typedef struct Reply Reply;
typedef struct Blocked Blocked;
typedef struct Command Command;
typedef int (*Func)(Ctx *, String **, int);

typedef struct { int version; size_t history, spec, arg; } Version;
typedef struct { const char *since, *changes; } History;
typedef struct {
    const char *notes;
    uint64_t flags;
    int begin; // 2: at an index; 3: behind a keyword
    union { struct { int pos; } index; struct { const char *word; int from; } keyword; } bs;
    int find; // 2: a range; 3: as many as a number says
    union { struct { int last, step, limit; } range; struct { int at, first, step; } keynum; } fk;
} KeySpec;
typedef struct {
    const char *name; int type, spec; const char *token, *summary, *since; int flags; const char *deprecated; void *subs;
} Arg;
typedef struct {
    const Version *version;
    const char *summary, *complexity, *since;
    History *history;
    const char *tips;
    int arity;
    KeySpec *specs;
    Arg *args;
} Info;

static int (*GetApi)(const char *, void *);
static int (*SetModuleAttribs)(Ctx *, const char *, int, int);
static int (*CreateCommand)(Ctx *, const char *, Func, const char *, int, int, int);
static Command *(*GetCommand)(Ctx *, const char *);
static int (*CreateSubcommand)(Command *, const char *, Func, const char *, int, int, int);
static int (*SetCommandInfo)(Command *, const Info *);
static int (*IsKeysPositionRequest)(Ctx *);
static void (*KeyAtPos)(Ctx *, int);
static int (*ReplyWithArray)(Ctx *, long);
static int (*ReplyWithString)(Ctx *, String *);
static int (*ReplyWithSimpleString)(Ctx *, const char *);
static int (*ReplyWithCallReply)(Ctx *, Reply *);
static Reply *(*Call)(Ctx *, const char *, const char *, ...);
static void (*FreeCallReply)(Reply *);
static int (*WrongArity)(Ctx *);
static Blocked *(*BlockClient)(Ctx *, Func, Func, void *, long long);
static int (*UnblockClient)(Blocked *, void *);

// echo replies with its arguments, and its name.
static int echo(Ctx *ctx, String **argv, int argc) {
    ReplyWithArray(ctx, argc);
    for (int i = 0; i < argc; i++) ReplyWithString(ctx, argv[i]);
    return 0;
}

// apart says itself where its key is: behind its first argument.
static int apart(Ctx *ctx, String **argv, int argc) {
    if (!IsKeysPositionRequest(ctx)) return echo(ctx, argv, argc);
    if (argc > 2) KeyAtPos(ctx, 2);
    return 0;
}

// put sets a key.
static int put(Ctx *ctx, String **argv, int argc) {
    if (argc != 3) return WrongArity(ctx);
    Reply *reply = Call(ctx, "SET", "!ss", argv[1], argv[2]);
    ReplyWithCallReply(ctx, reply);
    FreeCallReply(reply);
    return 0;
}

// at sets the key that is its argument KEY_AT: built once more with another, the module has its key elsewhere.
#ifndef KEY_AT
#define KEY_AT 1
#endif
static int at(Ctx *ctx, String **argv, int argc) {
    if (argc != 3) return WrongArity(ctx);
    Reply *reply = Call(ctx, "SET", "!sc", argv[KEY_AT], "at");
    ReplyWithCallReply(ctx, reply);
    FreeCallReply(reply);
    return 0;
}

static Blocked *waiting;

static int woken(Ctx *ctx, String **argv, int argc) { (void)argv; (void)argc; return ReplyWithSimpleString(ctx, "WOKEN"); }

// wait waits until somebody wakes it.
static int wait(Ctx *ctx, String **argv, int argc) {
    (void)argv; (void)argc;
    waiting = BlockClient(ctx, woken, woken, NULL, 0);
    return 0;
}

static int wake(Ctx *ctx, String **argv, int argc) {
    (void)argv; (void)argc;
    if (!waiting) return ReplyWithSimpleString(ctx, "NONE");
    UnblockClient(waiting, NULL);
    waiting = NULL;
    return ReplyWithSimpleString(ctx, "OK");
}

static int describe(Ctx *ctx, const char *name, int arity, KeySpec *specs) {
    static const Version version = {1, sizeof(History), sizeof(KeySpec), sizeof(Arg)};
    Info info = {.version = &version, .arity = arity, .specs = specs};
    return SetCommandInfo(GetCommand(ctx, name), &info);
}

#define GET(f) if (GetApi("RedisModule_" #f, (void *)&f)) return 1
#define MAKE(name, f, flags, first, last, step) if (CreateCommand(ctx, name, f, flags, first, last, step)) return 1

int RedisModule_OnLoad(Ctx *ctx, String **argv, int argc) {
    (void)argv; (void)argc;
    GetApi = ((int (**)(const char *, void *))ctx)[0];
    GET(SetModuleAttribs); GET(CreateCommand); GET(GetCommand); GET(CreateSubcommand); GET(SetCommandInfo); GET(IsKeysPositionRequest);
    GET(KeyAtPos); GET(ReplyWithArray); GET(ReplyWithString); GET(ReplyWithSimpleString); GET(ReplyWithCallReply); GET(Call);
    GET(FreeCallReply); GET(WrongArity); GET(BlockClient); GET(UnblockClient);
    SetModuleAttribs(ctx, "cashew", 1, 1);

    MAKE("cashew.put", put, "write deny-oom", 1, 1, 1);
    MAKE("cashew.at", at, "write", KEY_AT, KEY_AT, 1);
    MAKE("cashew.one", echo, "readonly fast", 1, 1, 1);
    MAKE("cashew.two", echo, "readonly", 1, 2, 1);
    MAKE("cashew.pairs", echo, "write", 1, -1, 2);
    MAKE("cashew.none", echo, "readonly", 0, 0, 0);
    MAKE("cashew.admin", echo, "admin readonly", 1, 1, 1);
    MAKE("cashew.hear", echo, "pubsub", 1, 1, 1);
    MAKE("cashew.login", echo, "no-auth", 1, 1, 1);
    MAKE("cashew.apart", apart, "readonly getkeys-api", 1, 1, 1);
    MAKE("cashew.wait", wait, "write blocking", 1, 1, 1);
    MAKE("cashew.await", wait, "write blocking", 0, 0, 0);
    MAKE("cashew.wake", wake, "write", 1, 1, 1);

    static KeySpec counted[] = {{.flags = 1, .begin = 2, .bs.index.pos = 1, .find = 3, .fk.keynum = {0, 1, 1}}, {0}};
    MAKE("cashew.count", echo, "readonly", 0, 0, 0);
    if (describe(ctx, "cashew.count", -3, counted)) return 1;
    static KeySpec behind[] = {{.flags = 1, .begin = 3, .bs.keyword = {"KEYS", 1}, .find = 2, .fk.range = {-1, 1, 2}}, {0}};
    MAKE("cashew.behind", echo, "readonly", 0, 0, 0);
    if (describe(ctx, "cashew.behind", -2, behind)) return 1;

    MAKE("cashew.box", NULL, "", 0, 0, 0);
    Command *box = GetCommand(ctx, "cashew.box");
    if (CreateSubcommand(box, "one", echo, "readonly", 2, 2, 1)) return 1;
    if (CreateSubcommand(box, "none", echo, "readonly", 0, 0, 0)) return 1;
    return 0;
}
