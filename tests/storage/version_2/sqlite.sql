-- What ceteris left behind with tables of version 2: a run that ended, one given back, one whose worker died.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE ceteris_attempt (
	trial_id INTEGER NOT NULL,
	token INTEGER NOT NULL,
	study_id INTEGER NOT NULL,
	worker TEXT NOT NULL,
	host TEXT NOT NULL,
	device TEXT NOT NULL,
	mode TEXT NOT NULL,
	began_at FLOAT NOT NULL,
	seconds FLOAT NOT NULL,
	images BIGINT NOT NULL,
	training_seconds FLOAT NOT NULL,
	validation_seconds FLOAT NOT NULL,
	device_use FLOAT,
	core_seconds FLOAT NOT NULL,
	peak_bytes BIGINT,
	PRIMARY KEY (trial_id, token),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id)
);
INSERT INTO "ceteris_attempt" VALUES(1,1,1,'old-worker','host','cpu','{"compiled":false,"precision":"fp32","threads":1}',1.7956405561310110092e+09,5.0,200,3.0,1.0,NULL,4.5,NULL);
INSERT INTO "ceteris_attempt" VALUES(2,1,1,'old-worker','host','cpu','{"compiled":false,"precision":"fp32","threads":1}',1.79564055616798520093e+09,5.0,50,3.0,1.0,NULL,4.5,NULL);
INSERT INTO "ceteris_attempt" VALUES(3,1,1,'old-worker','host','cpu','{"compiled":false,"precision":"fp32","threads":1}',1.79564055622499561303e+09,5.0,70,3.0,1.0,NULL,4.5,NULL);
CREATE TABLE ceteris_budget (
	study_id INTEGER NOT NULL,
	phase TEXT NOT NULL,
	allowed INTEGER NOT NULL,
	used INTEGER NOT NULL,
	closed TEXT,
	PRIMARY KEY (study_id, phase),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id)
);
INSERT INTO "ceteris_budget" VALUES(1,'1-lr',8,3,NULL);
INSERT INTO "ceteris_budget" VALUES(1,'2-loss',8,1,NULL);
CREATE TABLE ceteris_cell (
	cell_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	study_id INTEGER NOT NULL,
	signature TEXT NOT NULL,
	data_digest TEXT NOT NULL,
	replicate BIGINT NOT NULL,
	recipe TEXT NOT NULL,
	home TEXT NOT NULL,
	trial_id INTEGER NOT NULL,
	optuna_study TEXT NOT NULL,
	number INTEGER NOT NULL,
	state TEXT NOT NULL,
	stop TEXT,
	reason TEXT,
	best_score FLOAT,
	best_epoch INTEGER,
	last_score FLOAT,
	epochs INTEGER NOT NULL,
	seconds FLOAT NOT NULL,
	test_score FLOAT,
	token INTEGER NOT NULL,
	nonce TEXT,
	lost INTEGER NOT NULL,
	worker TEXT,
	UNIQUE (study_id, signature, data_digest, replicate),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id)
);
INSERT INTO "ceteris_cell" VALUES(1,1,'signature-0','digest',0,'{"lr":0.001}','1-lr',1,'lr_aug/1-lr',0,'COMPLETE','finished','because the test says so',0.9,2,0.9,2,0.5,NULL,1,'n0',0,'old-worker');
INSERT INTO "ceteris_cell" VALUES(2,1,'signature-1','digest',0,'{"lr":0.0015}','1-lr',2,'lr_aug/1-lr',1,'WAITING',NULL,NULL,NULL,NULL,NULL,1,0.0,NULL,1,'n1',0,'old-worker');
INSERT INTO "ceteris_cell" VALUES(3,1,'signature-2','digest',0,'{"lr":0.00225}','1-lr',3,'lr_aug/1-lr',2,'RUNNING',NULL,NULL,NULL,NULL,NULL,2,0.0,NULL,1,'n2',0,'old-worker');
CREATE TABLE ceteris_checkpoint (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	trial_id INTEGER NOT NULL,
	token INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	kind TEXT NOT NULL,
	location TEXT NOT NULL,
	host TEXT NOT NULL,
	size BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	at FLOAT NOT NULL,
	UNIQUE (trial_id, token, epoch, kind)
);
INSERT INTO "ceteris_checkpoint" VALUES(1,1,1,1,'resume','s/1.ckpt','host',3,'ab',1.79564056112899923323e+09);
INSERT INTO "ceteris_checkpoint" VALUES(2,3,1,2,'resume','s/2.ckpt','host',3,'ab',1.7956405612229838371e+09);
CREATE TABLE ceteris_entry (
	entry_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	study_id INTEGER NOT NULL,
	phase TEXT NOT NULL,
	cell_id INTEGER NOT NULL,
	role TEXT NOT NULL,
	label TEXT NOT NULL,
	params TEXT NOT NULL,
	shown TEXT NOT NULL,
	trial_id INTEGER,
	number INTEGER,
	UNIQUE (study_id, phase, cell_id),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id),
	FOREIGN KEY(cell_id) REFERENCES ceteris_cell (cell_id)
);
INSERT INTO "ceteris_entry" VALUES(1,1,'1-lr',1,'screen','lr 0.001','{"loss":"focal(2)","lr":0.001}','{"attrs":{"colour":"blue","label":"lr 0.001","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}',1,0);
INSERT INTO "ceteris_entry" VALUES(2,1,'1-lr',2,'screen','lr 0.0015','{"loss":"focal(2)","lr":0.0015}','{"attrs":{"colour":"blue","label":"lr 0.0015","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}',2,1);
INSERT INTO "ceteris_entry" VALUES(3,1,'1-lr',3,'screen','lr 0.00225','{"loss":"focal(2)","lr":0.00225}','{"attrs":{"colour":"blue","label":"lr 0.00225","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}',3,2);
INSERT INTO "ceteris_entry" VALUES(4,1,'2-loss',1,'screen','lr 0.001','{"loss":"focal(2)","lr":0.001}','{"attrs":{"colour":"blue","label":"lr 0.001","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}',4,0);
CREATE TABLE ceteris_epoch (
	trial_id INTEGER NOT NULL,
	epoch INTEGER NOT NULL,
	token INTEGER NOT NULL,
	phase TEXT NOT NULL,
	score FLOAT,
	train_loss FLOAT,
	val_loss FLOAT,
	lr FLOAT,
	seconds FLOAT NOT NULL,
	PRIMARY KEY (trial_id, epoch)
);
INSERT INTO "ceteris_epoch" VALUES(1,1,1,'constant',0.1,1.0,1.1,0.001,0.25);
INSERT INTO "ceteris_epoch" VALUES(1,2,1,'constant',0.2,1.0,1.1,0.001,0.25);
INSERT INTO "ceteris_epoch" VALUES(2,1,1,'constant',0.3,1.0,1.1,0.001,0.25);
INSERT INTO "ceteris_epoch" VALUES(3,1,1,'constant',0.4,1.0,1.1,0.001,0.25);
INSERT INTO "ceteris_epoch" VALUES(3,2,1,'constant',NULL,1.0,1.1,0.001,0.25);
CREATE TABLE ceteris_lease (
	trial_id INTEGER NOT NULL,
	study_id INTEGER NOT NULL,
	cell_id INTEGER NOT NULL,
	worker TEXT NOT NULL,
	token INTEGER NOT NULL,
	nonce TEXT NOT NULL,
	expires_at FLOAT NOT NULL,
	attempts INTEGER NOT NULL,
	PRIMARY KEY (trial_id),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id),
	UNIQUE (cell_id),
	FOREIGN KEY(cell_id) REFERENCES ceteris_cell (cell_id),
	UNIQUE (nonce)
);
INSERT INTO "ceteris_lease" VALUES(3,1,3,'old-worker',1,'n2',1.79564056202101254462e+09,1);
CREATE TABLE ceteris_manifest (
	study_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL,
	definition TEXT NOT NULL,
	resolved TEXT NOT NULL,
	data_digest TEXT NOT NULL,
	recipe_version INTEGER NOT NULL,
	versions TEXT NOT NULL,
	creator TEXT NOT NULL,
	created_at FLOAT NOT NULL,
	UNIQUE (name)
);
INSERT INTO "ceteris_manifest" VALUES(1,'lr_aug','as asked','resolved','digest',1,'{"torch":"2.14.1"}','tester',1.79564056105899357796e+09);
CREATE TABLE ceteris_measurement (
	study_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	value TEXT,
	worker TEXT NOT NULL,
	at FLOAT NOT NULL,
	PRIMARY KEY (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id)
);
INSERT INTO "ceteris_measurement" VALUES(1,'rules','{"delta":0.01}','old-worker',1.79564056123400783539e+09);
CREATE TABLE ceteris_test_opening (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	study_id INTEGER NOT NULL,
	nonce TEXT NOT NULL,
	who TEXT NOT NULL,
	why TEXT NOT NULL,
	at FLOAT NOT NULL,
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id),
	UNIQUE (nonce)
);
INSERT INTO "ceteris_test_opening" VALUES(1,1,'a9bcb323e73340e5bb6847bf50cff69f','who','why',1.79564056125098609924e+09);
CREATE TABLE ceteris_verdict (
	study_id INTEGER NOT NULL,
	stage TEXT NOT NULL,
	outcome TEXT NOT NULL,
	value TEXT NOT NULL,
	recipe TEXT NOT NULL,
	evidence TEXT,
	worker TEXT NOT NULL,
	at FLOAT NOT NULL,
	PRIMARY KEY (study_id, stage),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id)
);
INSERT INTO "ceteris_verdict" VALUES(1,'pilot','tie','lr 0.001','{}','{"n":1}','old-worker',1.7956405612420141697e+09);
CREATE TABLE ceteris_version (
	only INTEGER NOT NULL,
	schema_version INTEGER NOT NULL,
	host TEXT NOT NULL,
	PRIMARY KEY (only)
);
INSERT INTO "ceteris_version" VALUES(1,2,'elsewhere 1234');
CREATE TABLE ceteris_worker (
	worker_id TEXT NOT NULL,
	study_id INTEGER NOT NULL,
	host TEXT NOT NULL,
	pid INTEGER NOT NULL,
	device TEXT NOT NULL,
	versions TEXT NOT NULL,
	started_at FLOAT NOT NULL,
	last_seen FLOAT NOT NULL,
	doing TEXT NOT NULL,
	left_at FLOAT,
	PRIMARY KEY (worker_id),
	FOREIGN KEY(study_id) REFERENCES ceteris_manifest (study_id)
);
INSERT INTO "ceteris_worker" VALUES('old-worker',1,'elsewhere',1,'cpu','{"torch":"2.14.1"}',1.79564056108301281933e+09,1.79564056125400352478e+09,'',1.79564056125400352478e+09);
CREATE TABLE studies (
	study_id INTEGER NOT NULL,
	study_name VARCHAR(512) NOT NULL,
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'lr_aug/1-lr');
INSERT INTO "studies" VALUES(2,'lr_aug/2-loss');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL,
	direction VARCHAR(8) NOT NULL,
	study_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	PRIMARY KEY (study_direction_id),
	UNIQUE (study_id, objective),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MAXIMIZE',2,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_system_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_user_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	heartbeat DATETIME NOT NULL,
	PRIMARY KEY (trial_heartbeat_id),
	UNIQUE (trial_id),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	step INTEGER NOT NULL,
	intermediate_value FLOAT,
	intermediate_value_type VARCHAR(7) NOT NULL,
	PRIMARY KEY (trial_intermediate_value_id),
	UNIQUE (trial_id, step),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,1,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,2,0.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,2,1,0.3,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,4,1,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,4,2,0.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,3,1,0.4,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,3,2,NULL,'NAN');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL,
	trial_id INTEGER,
	param_name VARCHAR(512),
	param_value FLOAT,
	distribution_json TEXT,
	PRIMARY KEY (param_id),
	UNIQUE (trial_id, param_name),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'lr',0.001,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'loss',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO "trial_params" VALUES(3,2,'lr',0.0015,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(4,2,'loss',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO "trial_params" VALUES(5,3,'lr',0.00225,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(6,3,'loss',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO "trial_params" VALUES(7,4,'loss',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO "trial_params" VALUES(8,4,'lr',0.001,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_system_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_user_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'role','"screen"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'label','"lr 0.001"');
INSERT INTO "trial_user_attributes" VALUES(3,1,'replicate','0');
INSERT INTO "trial_user_attributes" VALUES(4,1,'colour','"blue"');
INSERT INTO "trial_user_attributes" VALUES(5,1,'stop','"finished"');
INSERT INTO "trial_user_attributes" VALUES(6,1,'reason','"because the test says so"');
INSERT INTO "trial_user_attributes" VALUES(7,2,'role','"screen"');
INSERT INTO "trial_user_attributes" VALUES(8,2,'label','"lr 0.0015"');
INSERT INTO "trial_user_attributes" VALUES(9,2,'replicate','0');
INSERT INTO "trial_user_attributes" VALUES(10,2,'colour','"blue"');
INSERT INTO "trial_user_attributes" VALUES(11,3,'role','"screen"');
INSERT INTO "trial_user_attributes" VALUES(12,3,'label','"lr 0.00225"');
INSERT INTO "trial_user_attributes" VALUES(13,3,'replicate','0');
INSERT INTO "trial_user_attributes" VALUES(14,3,'colour','"blue"');
INSERT INTO "trial_user_attributes" VALUES(15,4,'colour','"blue"');
INSERT INTO "trial_user_attributes" VALUES(16,4,'label','"lr 0.001"');
INSERT INTO "trial_user_attributes" VALUES(17,4,'replicate','0');
INSERT INTO "trial_user_attributes" VALUES(18,4,'role','"screen"');
INSERT INTO "trial_user_attributes" VALUES(19,4,'reused','"lr_aug/1-lr #0"');
INSERT INTO "trial_user_attributes" VALUES(20,4,'reason','"because the test says so"');
INSERT INTO "trial_user_attributes" VALUES(21,4,'stop','"finished"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	value FLOAT,
	value_type VARCHAR(7) NOT NULL,
	PRIMARY KEY (trial_value_id),
	UNIQUE (trial_id, objective),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,0.9,'FINITE');
INSERT INTO "trial_values" VALUES(2,4,0,0.9,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL,
	number INTEGER,
	study_id INTEGER,
	state VARCHAR(8) NOT NULL,
	datetime_start DATETIME,
	datetime_complete DATETIME,
	PRIMARY KEY (trial_id),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-25 21:02:41.099947','2026-11-25 21:02:41.142745');
INSERT INTO "trials" VALUES(2,1,1,'WAITING','2026-11-25 21:02:41.152658',NULL);
INSERT INTO "trials" VALUES(3,2,1,'RUNNING','2026-11-25 21:02:41.177303',NULL);
INSERT INTO "trials" VALUES(4,0,2,'COMPLETE','2026-11-25 21:02:41.099947','2026-11-25 21:02:41.142745');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL,
	schema_version INTEGER,
	library_version VARCHAR(256),
	PRIMARY KEY (version_info_id),
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE INDEX ix_ceteris_cell_trial_id ON ceteris_cell (trial_id);
CREATE INDEX ix_ceteris_entry_cell_id ON ceteris_entry (cell_id);
CREATE INDEX ceteris_lease_expiry ON ceteris_lease (study_id, expires_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('ceteris_manifest',1);
INSERT INTO "sqlite_sequence" VALUES('ceteris_cell',3);
INSERT INTO "sqlite_sequence" VALUES('ceteris_entry',4);
INSERT INTO "sqlite_sequence" VALUES('ceteris_checkpoint',2);
INSERT INTO "sqlite_sequence" VALUES('ceteris_test_opening',1);
COMMIT;
