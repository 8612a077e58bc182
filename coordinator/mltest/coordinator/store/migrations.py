"""The schema, as the sequence of steps that made it; a step that was released is never edited."""

from mltest.coordinator.store.slim_sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("mltest")

_FIRST = """
CREATE TABLE job (
    job_id TEXT PRIMARY KEY,
    request_key TEXT UNIQUE,
    state TEXT NOT NULL,
    reason_code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    created_unix_ns INTEGER NOT NULL,
    ended_unix_ns INTEGER,
    spec_json TEXT NOT NULL,
    model_json TEXT,
    dataset_json TEXT,
    reference_sha256 TEXT,
    versions_json TEXT,
    standings_json TEXT
);
CREATE INDEX job_created ON job (created_unix_ns);

CREATE TABLE job_event (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    seq INTEGER NOT NULL,
    event_json TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;

CREATE TABLE candidate (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    candidate_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    candidate_json TEXT NOT NULL,
    PRIMARY KEY (job_id, candidate_id)
) WITHOUT ROWID;

CREATE TABLE agent (
    agent_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    last_seen_unix_ns INTEGER NOT NULL,
    agent_json TEXT NOT NULL
);

CREATE TABLE visit (
    visit_id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES job (job_id),
    agent_id TEXT NOT NULL,
    round_index INTEGER NOT NULL,
    spec_json TEXT NOT NULL,
    outcome TEXT,
    reason_code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX visit_job ON visit (job_id, agent_id, round_index);

CREATE TABLE attempt (
    attempt_key INTEGER PRIMARY KEY,
    visit_id TEXT NOT NULL REFERENCES visit (visit_id),
    attempt INTEGER NOT NULL,
    begun_unix_ns INTEGER NOT NULL,
    ended_unix_ns INTEGER,
    outcome TEXT,
    reason_code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    last_seq INTEGER NOT NULL DEFAULT 0,
    started_json TEXT,
    ended_json TEXT,
    UNIQUE (visit_id, attempt)
);

CREATE TABLE series (
    attempt_key INTEGER NOT NULL REFERENCES attempt (attempt_key),
    seq INTEGER NOT NULL,
    series_index INTEGER NOT NULL,
    candidate_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    batch_size INTEGER NOT NULL,
    slice_index INTEGER NOT NULL,
    started_monotonic_ns INTEGER NOT NULL,
    value_bytes INTEGER NOT NULL,
    value_blob BLOB NOT NULL,
    PRIMARY KEY (attempt_key, seq, series_index)
);

CREATE TABLE candidate_end (
    attempt_key INTEGER NOT NULL REFERENCES attempt (attempt_key),
    candidate_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (attempt_key, candidate_id)
) WITHOUT ROWID;

CREATE TABLE prediction (
    attempt_key INTEGER NOT NULL REFERENCES attempt (attempt_key),
    candidate_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (attempt_key, candidate_id)
) WITHOUT ROWID;

CREATE TABLE participant (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    agent_id TEXT NOT NULL,
    agent_json TEXT NOT NULL,
    PRIMARY KEY (job_id, agent_id)
) WITHOUT ROWID;

CREATE TABLE mismatch (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    agent_id TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (job_id, agent_id, candidate_id)
) WITHOUT ROWID;

CREATE TABLE evaluation (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    agent_id TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    gate_reason TEXT NOT NULL,
    results_json TEXT NOT NULL,
    PRIMARY KEY (job_id, agent_id, candidate_id)
);

CREATE TABLE artifact_cache (
    recipe_key TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    input_dtype TEXT NOT NULL,
    options_json TEXT NOT NULL,
    made_unix_ns INTEGER NOT NULL
);

CREATE TABLE result (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    position INTEGER NOT NULL,
    result_json TEXT NOT NULL,
    PRIMARY KEY (job_id, position)
) WITHOUT ROWID;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""


_SEALED = """
ALTER TABLE series ADD COLUMN calls_per_value INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN is_throttled INTEGER NOT NULL DEFAULT 0;

CREATE TABLE sealed_series (
    sealed_key INTEGER PRIMARY KEY,
    attempt_key INTEGER NOT NULL REFERENCES attempt (attempt_key),
    candidate_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    batch_size INTEGER NOT NULL,
    slice_count INTEGER NOT NULL,
    started_monotonic_ns INTEGER NOT NULL,
    slice_blob BLOB NOT NULL,
    value_blob BLOB NOT NULL
);
CREATE INDEX sealed_series_attempt ON sealed_series (attempt_key);

ALTER TABLE candidate_end ADD COLUMN remarks_json TEXT NOT NULL DEFAULT '[]';
ALTER TABLE candidate_end ADD COLUMN thread_count INTEGER;

CREATE TABLE verification (
    attempt_key INTEGER NOT NULL REFERENCES attempt (attempt_key),
    candidate_id TEXT NOT NULL,
    verified_json TEXT NOT NULL,
    PRIMARY KEY (attempt_key, candidate_id)
) WITHOUT ROWID;
"""

_SURVIVAL = """
ALTER TABLE attempt ADD COLUMN spent_ns INTEGER NOT NULL DEFAULT 0;
UPDATE attempt SET spent_ns = max(0, ended_unix_ns - begun_unix_ns) WHERE ended_unix_ns IS NOT NULL;

CREATE TABLE given_up (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    agent_id TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (job_id, agent_id, candidate_id)
) WITHOUT ROWID;

CREATE TABLE agent_flag (
    agent_id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;
"""

_DISAGREEMENTS = """
ALTER TABLE evaluation ADD COLUMN row_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evaluation ADD COLUMN differing_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evaluation ADD COLUMN disagreements_json TEXT NOT NULL DEFAULT '[]';
"""

_ENERGY = """
CREATE TABLE energy (
    attempt_key INTEGER NOT NULL REFERENCES attempt (attempt_key),
    seq INTEGER NOT NULL,
    candidate_id TEXT NOT NULL,
    batch_size INTEGER NOT NULL,
    try_index INTEGER NOT NULL,
    recorded_json TEXT NOT NULL,
    time_blob BLOB NOT NULL,
    value_blob BLOB NOT NULL,
    PRIMARY KEY (attempt_key, seq)
) WITHOUT ROWID;

CREATE TABLE energy_absent (
    attempt_key INTEGER NOT NULL REFERENCES attempt (attempt_key),
    seq INTEGER NOT NULL,
    absent_json TEXT NOT NULL,
    PRIMARY KEY (attempt_key, seq)
) WITHOUT ROWID;
"""


_SPEED = """
CREATE TABLE speed_check (
    job_id TEXT NOT NULL REFERENCES job (job_id),
    agent_id TEXT NOT NULL,
    is_after INTEGER NOT NULL,
    check_json TEXT NOT NULL,
    PRIMARY KEY (job_id, agent_id, is_after)
) WITHOUT ROWID;
"""


@MIGRATIONS(name="0001_first")
def _first(database: Database) -> None:
    _execute_all(database, _FIRST)


@MIGRATIONS(name="0002_sealed")
def _sealed(database: Database) -> None:
    _execute_all(database, _SEALED)


@MIGRATIONS(name="0003_survival")
def _survival(database: Database) -> None:
    _execute_all(database, _SURVIVAL)


@MIGRATIONS(name="0004_disagreements")
def _disagreements(database: Database) -> None:
    _execute_all(database, _DISAGREEMENTS)


@MIGRATIONS(name="speed")
def _speed(database: Database) -> None:
    _execute_all(database, _SPEED)


@MIGRATIONS(name="energy")
def _energy(database: Database) -> None:
    _execute_all(database, _ENERGY)


def _execute_all(database: Database, script: str) -> None:
    for statement in script.split(";"):
        if statement.strip():
            database.execute(statement)
