//! The table of hostile inputs: which programs there are, and how each case of them has to end.

/// How a row ends, and what shows on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ends {
    /// It is killed at the deadline; slices of it were ended.
    Killed,
    /// As `Killed`; it could not be suspended, so that others took over what waited.
    HeldUp,
    /// It is killed at the deadline, and does not compute.
    Asleep,
    /// It fails with a text that starts so.
    Fails(&'static str),
    /// It finds that all is well.
    Fine,
}
use Ends::{Asleep, Fails, Fine, HeldUp, Killed};

/// What a killed one says.
pub(crate) const DEADLINE: &str = "Canceled: process terminated: cancel deadline of 20ms exceeded";
const OUT_OF_MEMORY: Ends = Fails("LimitExceeded: memory limit of 32MB exceeded");

/// A hostile program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    /// Which rows of the table of hostile inputs it is for.
    pub(crate) rows: &'static str,
    /// Its entry.
    pub(crate) entry: &'static str,
    /// The names of its cases, which are its argument.
    pub(crate) cases: &'static [(&'static str, Ends)],
}

type Rows = &'static [Program];

/// All the time of a worker.
pub(crate) const TIME: Rows = &[
    Program {
        rows: "H5, H6, H7, H38",
        entry: "hostile.time:loops",
        cases: &[
            ("while", Killed),
            ("goto", Killed),
            ("for", Killed),
            ("calls", Killed),
            ("generic for", Killed),
            ("pcall", Killed),
            ("pcall of error", Killed),
            ("pcall in pcall", Killed),
            ("pcall of itself", Killed),
            ("handler that loops", HeldUp),
            ("handler that errors", Killed),
            ("handler that calls xpcall", Killed),
            ("loop under a handler", Killed),
            ("collectgarbage of all kinds", Killed),
        ],
    },
    Program {
        rows: "H8, H40",
        entry: "hostile.time:callbacks",
        cases: &[
            ("gsub", Killed),
            ("gsub by a table", Killed),
            ("sort", Killed),
            ("sort that lies", Killed),
            ("sort by __lt", Killed),
            ("load", HeldUp),
            ("load without end", HeldUp),
            ("__index", Killed),
            ("__newindex", Killed),
            ("__call", Killed),
            ("__lt", Killed),
            ("__le", Killed),
            ("__eq", Killed),
            ("__concat", Killed),
            ("__len", Killed),
            ("__unm", Killed),
            ("__add", Killed),
            ("__close", Killed),
            ("__pairs", Killed),
            ("__tostring", HeldUp),
            ("__tostring in print", HeldUp),
            ("__tostring in format", HeldUp),
            ("__tostring of an error", HeldUp),
            ("__index under ipairs", HeldUp),
            ("__index without end under ipairs", Killed),
        ],
    },
    Program {
        rows: "H9",
        entry: "hostile.time:coroutines",
        cases: &[
            ("resume", Killed),
            ("wrap", Killed),
            ("spawn", Killed),
            ("many spawned", Killed),
            ("nested resumes", Killed),
            ("nested wraps", Killed),
            ("nested, under pcall", Killed),
            ("iterator", Killed),
            ("loop in an iterator", Killed),
            ("in a sort", Killed),
            ("in a metamethod under tostring", HeldUp),
            ("new ones without end", Killed),
        ],
    },
    Program {
        rows: "H10, H11, H12",
        entry: "hostile.time:closes",
        cases: &[
            ("loop at a return", Killed),
            ("sleep at a return", Asleep),
            ("loop at an error", Killed),
            ("loop in the grace of a cancel", Fails(DEADLINE)),
            ("loop in coroutine.close", HeldUp),
            ("loop under pcall", Killed),
            ("loops of many", Killed),
            ("error at a return", Fails("Internal: in the close")),
            ("send at a return", Fails("closed")),
            ("coroutine.close", Fine),
            ("finalizers", Fine),
        ],
    },
    Program {
        rows: "H16, H55",
        entry: "hostile.time:natives",
        cases: &[
            ("load of the largest source", HeldUp),
            ("load of one expression", HeldUp),
            ("full collections", HeldUp),
            ("messages to itself", Killed),
            ("json", Killed),
            ("spawned, with large arguments", Killed),
        ],
    },
    Program {
        rows: "H15, H16, H48",
        entry: "hostile.time:copies",
        cases: &[
            ("encoded", HeldUp),
            ("encoded, with metatables", HeldUp),
            ("encoded, of many tables", HeldUp),
            ("sent and received", HeldUp),
            ("a string, sent and received", HeldUp),
            ("arguments and results", HeldUp),
            ("json.encode", HeldUp),
            ("json.encode of many keys", HeldUp),
            ("json.encode of one string", HeldUp),
            ("json.decode", HeldUp),
            ("json.decode of one string", HeldUp),
        ],
    },
    Program {
        rows: "H1, H2, H4",
        entry: "hostile.time:patterns",
        cases: &[
            ("find", Killed),
            ("match", Killed),
            ("gmatch", Killed),
            ("gsub", Killed),
            ("under pcall", Killed),
            ("quadratic", Killed),
            ("%b", Killed),
            ("%f", Killed),
            ("back reference", Killed),
            ("growth", OUT_OF_MEMORY),
            ("growth that is caught", Killed),
        ],
    },
    Program {
        rows: "H53",
        entry: "hostile.time:tables",
        cases: &[
            ("move", Killed),
            ("move of what is made up", Killed),
            ("insert", Killed),
            ("remove", Killed),
            ("concat of nothing", Killed),
            ("concat of what is made up", OUT_OF_MEMORY),
            ("unpack", Killed),
            ("unpack of too much", Killed),
        ],
    },
    Program {
        rows: "H3, H54",
        entry: "hostile.time:strings",
        cases: &[
            ("upper", Killed),
            ("lower", Killed),
            ("reverse", Killed),
            ("plain find", Killed),
            ("utf8.len", Killed),
            ("utf8.codepoint", Killed),
            ("utf8.codes", Killed),
            ("byte", Killed),
            ("rep", Killed),
            ("rep of nothing", Killed),
            ("rep beyond all", Killed),
            ("format", Killed),
            ("compare", Killed),
            ("concat", Killed),
        ],
    },
    Program {
        rows: "H19, H27, H29",
        entry: "hostile.time:waits",
        cases: &[
            ("sleep", Asleep),
            ("deaf", Asleep),
            ("receive", Asleep),
            ("select", Asleep),
            ("call", Asleep),
            ("accept", Asleep),
            ("read", Asleep),
            ("to itself", Killed),
            ("a pair", Asleep),
            ("many timers", Asleep),
            ("a ticker that nobody reads", Killed),
            ("spawned coroutines", Asleep),
        ],
    },
];

/// All memory.
pub(crate) const MEMORY: Rows = &[
    Program {
        rows: "H3, H14",
        entry: "hostile.memory:bombs",
        cases: &[
            ("table", OUT_OF_MEMORY),
            ("doubling", OUT_OF_MEMORY),
            ("nested tables", OUT_OF_MEMORY),
            ("strings", OUT_OF_MEMORY),
            ("keys", OUT_OF_MEMORY),
            ("coroutines", OUT_OF_MEMORY),
            ("spawned coroutines", OUT_OF_MEMORY),
            ("closures", OUT_OF_MEMORY),
            ("upvalues", OUT_OF_MEMORY),
            ("recursion", Fails("")),
            ("in a coroutine", OUT_OF_MEMORY),
            ("in a handler", Fails("Internal: ")),
            ("rep", OUT_OF_MEMORY),
            ("rep of rep", OUT_OF_MEMORY),
            ("caught for ever", Killed),
            ("always nearly full", Killed),
            ("caught once", Fine),
        ],
    },
    Program {
        rows: "H14",
        entry: "hostile.memory:together",
        cases: &[
            ("sleepers", Fine),
            ("loops", Fine),
            ("survivors", Fine),
            ("in callbacks", Fine),
            ("growing for ever", Fine),
            ("mailboxes", Fine),
            ("arguments", Fine),
        ],
    },
    Program {
        rows: "H15, H17",
        entry: "hostile.memory:messages",
        cases: &[
            ("larger than the receiver", Fine),
            ("more than the receiver has room for", Fine),
            ("more than its mailbox takes", Fine),
            ("for ever", Killed),
            ("to itself", Killed),
            ("on ever new topics", OUT_OF_MEMORY),
            ("one string a million times", OUT_OF_MEMORY),
            ("one string a million times, in JSON", OUT_OF_MEMORY),
        ],
    },
];

/// More processes, signals, names and timers than anybody needs.
pub(crate) const CROWD: Rows = &[
    Program {
        rows: "H20",
        entry: "hostile.crowd:bombs",
        cases: &[
            ("by one", Killed),
            ("by all", Asleep),
            ("of those that end", Killed),
            ("in a close", Killed),
            ("error at the limit", Fails("Internal: max processes reached: max processes limit")),
        ],
    },
    Program {
        rows: "H18, H22, H28, H29",
        entry: "hostile.crowd:floods",
        cases: &[
            ("monitors", Fine),
            ("links", Fine),
            ("cancels", Fine),
            ("for ever", Killed),
            ("a circle of links", Fine),
            ("names", Fine),
            ("timers", Fine),
        ],
    },
    Program { rows: "H23, H25", entry: "hostile.crowd:kills", cases: &[("", Fine)] },
    Program {
        rows: "H50",
        entry: "hostile.crowd:upgrades",
        cases: &[
            ("to nothing", Fails("Internal: upgrade: create failed: ")),
            ("to a host", Fails("Internal: upgrade: create failed: ")),
            ("to one that fails", Fails("Internal: hostile.crowd:upgrades:8: ")),
            ("for ever", Asleep),
        ],
    },
];

/// A way out, or something to break.
pub(crate) const SANDBOX: Rows = &[
    Program {
        rows: "H32, H35, H36, H37, H49",
        entry: "hostile.sandbox:globals",
        cases: &[
            ("everything replaced", Fine),
            ("no globals", Fine),
            ("after the others", Fine),
            ("what is ours is read-only", Fine),
            ("absent", Fine),
            ("bytecode", Fine),
            ("hashes", Fine),
        ],
    },
    Program {
        rows: "H13",
        entry: "hostile.sandbox:depths",
        cases: &[
            ("recursion", Fine),
            ("pcall", Fine),
            ("xpcall", Fine),
            ("wrap", Fine),
            ("metamethod", Fine),
            ("chain of __index", Fine),
            ("tostring", Fine),
            ("gsub", Fine),
            ("sort", Fine),
            ("load", Fine),
            ("close", Fine),
            ("json", Fine),
            ("message", Fine),
            ("pattern", Fine),
        ],
    },
    Program {
        rows: "H12, H16, H39",
        entry: "hostile.sandbox:values",
        cases: &[
            ("cannot cross", Fine),
            ("no code runs", Fine),
            ("wrong self", Fine),
            ("as keys and errors", Fine),
            ("after the end", Fine),
        ],
    },
    Program { rows: "H26, H29, H30, H52", entry: "hostile.sandbox:numbers", cases: &[("", Fine)] },
    Program {
        rows: "H40, H43",
        entry: "hostile.sandbox:errors",
        cases: &[
            ("nil", Fails("Internal: ")),
            ("false", Fails("Internal: false")),
            ("failing __tostring", Fails("Internal: ")),
            ("__tostring that gives a table", Fails("Internal: ")),
            ("large", Fails("Internal: xxx")),
            ("escapes", Fails("Internal: a")),
            ("itself", Fails("Internal: ")),
            ("panic", Fails("Internal: runtime fault: panic in a host function")),
        ],
    },
];

/// Here whoever reads stdout has stopped doing so.
pub(crate) const OUTPUT: Rows = &[Program {
    rows: "H41",
    entry: "hostile.sandbox:output",
    cases: &[
        ("failing __tostring", Fine),
        ("print", Asleep),
        ("one long line", Asleep),
        ("log", Asleep),
    ],
}];
