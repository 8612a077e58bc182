"""Every statement of the hot paths; the schema stands in migrations.py, small tables go through sqlite-utils."""

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # An acknowledged row has to survive a power cut; NORMAL loses rows of the WAL.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 10000",
)

JOB_COLUMNS = """
SELECT job.*,
    (SELECT count(*) FROM visit WHERE visit.job_id = job.job_id) AS visits_total,
    (SELECT count(*) FROM visit WHERE visit.job_id = job.job_id AND visit.outcome IS NOT NULL) AS visits_done
FROM job
"""

JOBS_BY_PREFIX = JOB_COLUMNS + "WHERE substr(job_id, 1, length(:prefix)) = :prefix LIMIT 2"
JOBS_NEWEST = JOB_COLUMNS + "ORDER BY created_unix_ns DESC, job_id LIMIT :limit"
JOBS_UNFINISHED = JOB_COLUMNS + "WHERE state IN ('queued', 'running') ORDER BY job.rowid"
"""In the order in which they came, whatever happened to the clock since."""
JOB_BY_REQUEST_KEY = "SELECT job_id FROM job WHERE request_key = :request_key"

SET_JOB_STATE = """
UPDATE job SET state = :state, reason_code = :reason_code, reason = :reason, ended_unix_ns = :ended_unix_ns
WHERE job_id = :job_id
"""

LAST_EVENT = "SELECT coalesce(max(seq), 0) FROM job_event WHERE job_id = :job_id"
ADD_EVENT = "INSERT INTO job_event (job_id, seq, event_json) VALUES (:job_id, :seq, :event_json)"
EVENTS = "SELECT event_json FROM job_event WHERE job_id = :job_id AND seq >= :from_seq ORDER BY seq LIMIT :limit"

CANDIDATES = "SELECT candidate_json FROM candidate WHERE job_id = :job_id ORDER BY position"

FORGET_VISITS = """
DELETE FROM visit WHERE job_id = ? AND outcome IS NOT 'ok'
AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.visit_id = visit.visit_id)
"""

CLOSE_VISITS = """
UPDATE visit SET outcome = 'cancelled', reason = 'its agent did not take part any more'
WHERE job_id = ? AND outcome IS NULL
"""

PLAN_VISIT = """
INSERT INTO visit (visit_id, job_id, agent_id, round_index, spec_json)
VALUES (:visit_id, :job_id, :agent_id, :round_index, :spec_json)
ON CONFLICT (visit_id) DO UPDATE SET spec_json = excluded.spec_json, outcome = NULL, reason_code = '', reason = ''
WHERE outcome IS NOT 'ok'
"""

VISITS = "SELECT * FROM visit WHERE job_id = :job_id ORDER BY agent_id, round_index"

SPENT = """
SELECT coalesce(sum(attempt.spent_ns), 0), count(*) FILTER (WHERE attempt.outcome = 'ok')
FROM attempt JOIN visit USING (visit_id)
WHERE visit.job_id = :job_id AND visit.agent_id = :agent_id AND attempt.ended_unix_ns IS NOT NULL
"""

END_VISIT = """
UPDATE visit SET outcome = :outcome, reason_code = :reason_code, reason = :reason WHERE visit_id = :visit_id
"""

BEGIN_ATTEMPT = """
INSERT INTO attempt (visit_id, attempt, begun_unix_ns)
SELECT :visit_id, 1 + coalesce(max(attempt), 0), :begun_unix_ns FROM attempt WHERE visit_id = :visit_id
RETURNING attempt_key, attempt
"""

END_ATTEMPT = """
UPDATE attempt SET outcome = :outcome, reason_code = :reason_code, reason = :reason, ended_unix_ns = :ended_unix_ns,
    ended_json = :ended_json, spent_ns = :spent_ns
WHERE attempt_key = :attempt_key
"""

END_OPEN_ATTEMPTS = """
UPDATE attempt SET outcome = 'failed', reason_code = :reason_code, reason = :reason, ended_unix_ns = :ended_unix_ns
WHERE outcome IS NULL AND visit_id IN (SELECT visit_id FROM visit WHERE job_id = :job_id)
"""

ATTEMPTS = """
SELECT attempt.* FROM attempt JOIN visit USING (visit_id) WHERE visit.job_id = :job_id
ORDER BY visit.agent_id, visit.round_index, attempt.attempt
"""

RECEIVED = "UPDATE attempt SET last_seq = max(last_seq, ?) WHERE attempt_key = ?"
STARTED = "UPDATE attempt SET started_json = ? WHERE attempt_key = ?"
ADD_SERIES = "INSERT OR IGNORE INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
ADD_CANDIDATE_END = "INSERT OR IGNORE INTO candidate_end VALUES (?, ?, ?, ?, ?, ?, ?)"
ADD_PREDICTION = "INSERT OR IGNORE INTO prediction VALUES (?, ?, ?, ?)"
ADD_VERIFICATION = "INSERT OR IGNORE INTO verification VALUES (?, ?, ?)"
ADD_ENERGY = "INSERT OR IGNORE INTO energy VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ADD_ENERGY_ABSENT = "INSERT OR IGNORE INTO energy_absent VALUES (?, ?, ?)"

IS_OPEN = "SELECT outcome IS NULL FROM attempt WHERE attempt_key = ?"
OPEN_ATTEMPTS = """
SELECT attempt_key FROM attempt JOIN visit USING (visit_id) WHERE visit.job_id = :job_id AND attempt.outcome IS NULL
"""

PREDICTIONS_OF = "SELECT * FROM prediction WHERE attempt_key = ? ORDER BY candidate_id"
ENDS_OF = "SELECT * FROM candidate_end WHERE attempt_key = ? ORDER BY candidate_id"

UNSEALED = "SELECT * FROM series WHERE attempt_key = ? ORDER BY seq, series_index"
ADD_SEALED = """
INSERT INTO sealed_series (attempt_key, candidate_id, metric, batch_size, slice_count, started_monotonic_ns,
    slice_blob, value_blob)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
FORGET_UNSEALED = "DELETE FROM series WHERE attempt_key = ?"

COUNTED = """
JOIN attempt USING (attempt_key) JOIN visit USING (visit_id)
WHERE visit.job_id = :job_id AND attempt.outcome = 'ok'
"""
"""Only what belongs to an attempt that ended well counts; broken attempts are kept."""

COUNTED_ATTEMPTS = """
SELECT attempt.attempt_key, attempt.ended_json, visit.agent_id, visit.round_index
FROM attempt JOIN visit USING (visit_id)
WHERE visit.job_id = :job_id AND attempt.outcome = 'ok' AND attempt.attempt_key >= :attempt_key ORDER BY attempt_key
"""

SEALED_PAGE = "SELECT * FROM sealed_series WHERE attempt_key = ? AND sealed_key > ? ORDER BY sealed_key LIMIT ?"

UNSEALED_PAGE = """
SELECT * FROM series WHERE attempt_key = ? AND (seq, series_index) > (?, ?) ORDER BY seq, series_index LIMIT ?
"""
"""Attempts that ended before there was sealing were never sealed."""

COUNTED_ENDS = f"""
SELECT visit.agent_id, visit.round_index, candidate_end.* FROM candidate_end {COUNTED}
ORDER BY visit.agent_id, visit.round_index, candidate_id
"""  # noqa: S608

COUNTED_VERIFICATIONS = f"""
SELECT visit.agent_id, visit.round_index, verification.* FROM verification {COUNTED}
ORDER BY visit.agent_id, candidate_id, visit.round_index
"""  # noqa: S608

COUNTED_PREDICTIONS = f"""
SELECT visit.agent_id, prediction.* FROM prediction {COUNTED}
ORDER BY visit.agent_id, candidate_id, visit.round_index
"""  # noqa: S608

COUNTED_ENERGY = f"""
SELECT visit.agent_id, visit.round_index, energy.* FROM energy {COUNTED}
AND (attempt_key, seq) > (:attempt_key, :seq) ORDER BY attempt_key, seq LIMIT :limit
"""  # noqa: S608

ENERGY_VISIT_COUNTS = """
SELECT agent_id, count(*) AS visit_count FROM visit WHERE job_id = :job_id AND round_index >= :first_round
GROUP BY agent_id
"""

COUNTED_ENERGY_HEADS = f"""
SELECT visit.agent_id, visit.round_index, recorded_json FROM energy {COUNTED} ORDER BY attempt_key, seq
"""  # noqa: S608

COUNTED_ENERGY_ABSENT = f"""
SELECT visit.agent_id, visit.round_index, energy_absent.* FROM energy_absent {COUNTED} ORDER BY attempt_key, seq
"""  # noqa: S608

RESULTS = "SELECT result_json FROM result WHERE job_id = :job_id ORDER BY position"
ADD_RESULT = "INSERT INTO result (job_id, position, result_json) VALUES (?, ?, ?)"
EVALUATIONS = "SELECT * FROM evaluation WHERE job_id = :job_id ORDER BY agent_id, candidate_id"
MISMATCHES = "SELECT * FROM mismatch WHERE job_id = :job_id ORDER BY agent_id, candidate_id"
PARTICIPANTS = "SELECT agent_json FROM participant WHERE job_id = :job_id ORDER BY agent_id"

ADD_SETTING = "INSERT OR IGNORE INTO setting (name, value) VALUES (:name, :value)"
SETTING = "SELECT value FROM setting WHERE name = :name"

GIVEN_UP = "SELECT * FROM given_up WHERE job_id = :job_id ORDER BY agent_id, candidate_id"
GIVE_UP = "INSERT OR IGNORE INTO given_up VALUES (?, ?, ?, ?, ?)"

TRIED_ENDS = """
SELECT visit.agent_id, candidate_end.candidate_id, candidate_end.reason_code, attempt.outcome
FROM candidate_end JOIN attempt USING (attempt_key) JOIN visit USING (visit_id)
WHERE visit.job_id = :job_id AND attempt.outcome IS NOT NULL ORDER BY attempt_key, candidate_id
"""

FLAG = "INSERT OR REPLACE INTO agent_flag VALUES (:agent_id, :job_id, :reason)"
FLAG_OF = "SELECT reason FROM agent_flag WHERE agent_id = :agent_id"
CLEAR_FLAG = "DELETE FROM agent_flag WHERE agent_id = :agent_id AND job_id IS NOT :job_id"

PUT_SPEED_BEFORE = "INSERT OR IGNORE INTO speed_check VALUES (:job_id, :agent_id, 0, :check_json)"
PUT_SPEED_AFTER = "INSERT OR REPLACE INTO speed_check VALUES (:job_id, :agent_id, 1, :check_json)"
SPEED_CHECKS = "SELECT * FROM speed_check WHERE job_id = :job_id ORDER BY agent_id, is_after"
