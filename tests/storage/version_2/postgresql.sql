-- What ceteris left behind with tables of version 2: a run that ended, one given back, one whose worker died.
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE TYPE public.studydirection AS ENUM (
    'NOT_SET',
    'MINIMIZE',
    'MAXIMIZE'
);
CREATE TYPE public.trialintermediatevaluetype AS ENUM (
    'FINITE',
    'INF_POS',
    'INF_NEG',
    'NAN'
);
CREATE TYPE public.trialstate AS ENUM (
    'RUNNING',
    'COMPLETE',
    'PRUNED',
    'FAIL',
    'WAITING'
);
CREATE TYPE public.trialvaluetype AS ENUM (
    'FINITE',
    'INF_POS',
    'INF_NEG'
);
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.ceteris_attempt (
    trial_id integer NOT NULL,
    token integer NOT NULL,
    study_id integer NOT NULL,
    worker text NOT NULL,
    host text NOT NULL,
    device text NOT NULL,
    mode text NOT NULL,
    began_at double precision NOT NULL,
    seconds double precision NOT NULL,
    images bigint NOT NULL,
    training_seconds double precision NOT NULL,
    validation_seconds double precision NOT NULL,
    device_use double precision,
    core_seconds double precision NOT NULL,
    peak_bytes bigint
);
CREATE TABLE public.ceteris_budget (
    study_id integer NOT NULL,
    phase text NOT NULL,
    allowed integer NOT NULL,
    used integer NOT NULL,
    closed text
);
CREATE TABLE public.ceteris_cell (
    cell_id integer NOT NULL,
    study_id integer NOT NULL,
    signature text NOT NULL,
    data_digest text NOT NULL,
    replicate bigint NOT NULL,
    recipe text NOT NULL,
    home text NOT NULL,
    trial_id integer NOT NULL,
    optuna_study text NOT NULL,
    number integer NOT NULL,
    state text NOT NULL,
    stop text,
    reason text,
    best_score double precision,
    best_epoch integer,
    last_score double precision,
    epochs integer NOT NULL,
    seconds double precision NOT NULL,
    test_score double precision,
    token integer NOT NULL,
    nonce text,
    lost integer NOT NULL,
    worker text
);
CREATE SEQUENCE public.ceteris_cell_cell_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ceteris_cell_cell_id_seq OWNED BY public.ceteris_cell.cell_id;
CREATE TABLE public.ceteris_checkpoint (
    id integer NOT NULL,
    trial_id integer NOT NULL,
    token integer NOT NULL,
    epoch integer NOT NULL,
    kind text NOT NULL,
    location text NOT NULL,
    host text NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    at double precision NOT NULL
);
CREATE SEQUENCE public.ceteris_checkpoint_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ceteris_checkpoint_id_seq OWNED BY public.ceteris_checkpoint.id;
CREATE TABLE public.ceteris_entry (
    entry_id integer NOT NULL,
    study_id integer NOT NULL,
    phase text NOT NULL,
    cell_id integer NOT NULL,
    role text NOT NULL,
    label text NOT NULL,
    params text NOT NULL,
    shown text NOT NULL,
    trial_id integer,
    number integer
);
CREATE SEQUENCE public.ceteris_entry_entry_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ceteris_entry_entry_id_seq OWNED BY public.ceteris_entry.entry_id;
CREATE TABLE public.ceteris_epoch (
    trial_id integer NOT NULL,
    epoch integer NOT NULL,
    token integer NOT NULL,
    phase text NOT NULL,
    score double precision,
    train_loss double precision,
    val_loss double precision,
    lr double precision,
    seconds double precision NOT NULL
);
CREATE TABLE public.ceteris_lease (
    trial_id integer NOT NULL,
    study_id integer NOT NULL,
    cell_id integer NOT NULL,
    worker text NOT NULL,
    token integer NOT NULL,
    nonce text NOT NULL,
    expires_at double precision NOT NULL,
    attempts integer NOT NULL
);
CREATE TABLE public.ceteris_manifest (
    study_id integer NOT NULL,
    name text NOT NULL,
    definition text NOT NULL,
    resolved text NOT NULL,
    data_digest text NOT NULL,
    recipe_version integer NOT NULL,
    versions text NOT NULL,
    creator text NOT NULL,
    created_at double precision NOT NULL
);
CREATE SEQUENCE public.ceteris_manifest_study_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ceteris_manifest_study_id_seq OWNED BY public.ceteris_manifest.study_id;
CREATE TABLE public.ceteris_measurement (
    study_id integer NOT NULL,
    key text NOT NULL,
    value text,
    worker text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.ceteris_test_opening (
    id integer NOT NULL,
    study_id integer NOT NULL,
    nonce text NOT NULL,
    who text NOT NULL,
    why text NOT NULL,
    at double precision NOT NULL
);
CREATE SEQUENCE public.ceteris_test_opening_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ceteris_test_opening_id_seq OWNED BY public.ceteris_test_opening.id;
CREATE TABLE public.ceteris_verdict (
    study_id integer NOT NULL,
    stage text NOT NULL,
    outcome text NOT NULL,
    value text NOT NULL,
    recipe text NOT NULL,
    evidence text,
    worker text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.ceteris_version (
    "only" integer NOT NULL,
    schema_version integer NOT NULL,
    host text NOT NULL
);
CREATE TABLE public.ceteris_worker (
    worker_id text NOT NULL,
    study_id integer NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    device text NOT NULL,
    versions text NOT NULL,
    started_at double precision NOT NULL,
    last_seen double precision NOT NULL,
    doing text NOT NULL,
    left_at double precision
);
CREATE TABLE public.studies (
    study_id integer NOT NULL,
    study_name character varying(512) NOT NULL
);
CREATE SEQUENCE public.studies_study_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.studies_study_id_seq OWNED BY public.studies.study_id;
CREATE TABLE public.study_directions (
    study_direction_id integer NOT NULL,
    direction public.studydirection NOT NULL,
    study_id integer NOT NULL,
    objective integer NOT NULL
);
CREATE SEQUENCE public.study_directions_study_direction_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.study_directions_study_direction_id_seq OWNED BY public.study_directions.study_direction_id;
CREATE TABLE public.study_system_attributes (
    study_system_attribute_id integer NOT NULL,
    study_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.study_system_attributes_study_system_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.study_system_attributes_study_system_attribute_id_seq OWNED BY public.study_system_attributes.study_system_attribute_id;
CREATE TABLE public.study_user_attributes (
    study_user_attribute_id integer NOT NULL,
    study_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.study_user_attributes_study_user_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.study_user_attributes_study_user_attribute_id_seq OWNED BY public.study_user_attributes.study_user_attribute_id;
CREATE TABLE public.trial_heartbeats (
    trial_heartbeat_id integer NOT NULL,
    trial_id integer NOT NULL,
    heartbeat timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.trial_heartbeats_trial_heartbeat_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_heartbeats_trial_heartbeat_id_seq OWNED BY public.trial_heartbeats.trial_heartbeat_id;
CREATE TABLE public.trial_intermediate_values (
    trial_intermediate_value_id integer NOT NULL,
    trial_id integer NOT NULL,
    step integer NOT NULL,
    intermediate_value double precision,
    intermediate_value_type public.trialintermediatevaluetype NOT NULL
);
CREATE SEQUENCE public.trial_intermediate_values_trial_intermediate_value_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_intermediate_values_trial_intermediate_value_id_seq OWNED BY public.trial_intermediate_values.trial_intermediate_value_id;
CREATE TABLE public.trial_params (
    param_id integer NOT NULL,
    trial_id integer,
    param_name character varying(512),
    param_value double precision,
    distribution_json text
);
CREATE SEQUENCE public.trial_params_param_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_params_param_id_seq OWNED BY public.trial_params.param_id;
CREATE TABLE public.trial_system_attributes (
    trial_system_attribute_id integer NOT NULL,
    trial_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.trial_system_attributes_trial_system_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_system_attributes_trial_system_attribute_id_seq OWNED BY public.trial_system_attributes.trial_system_attribute_id;
CREATE TABLE public.trial_user_attributes (
    trial_user_attribute_id integer NOT NULL,
    trial_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.trial_user_attributes_trial_user_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_user_attributes_trial_user_attribute_id_seq OWNED BY public.trial_user_attributes.trial_user_attribute_id;
CREATE TABLE public.trial_values (
    trial_value_id integer NOT NULL,
    trial_id integer NOT NULL,
    objective integer NOT NULL,
    value double precision,
    value_type public.trialvaluetype NOT NULL
);
CREATE SEQUENCE public.trial_values_trial_value_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_values_trial_value_id_seq OWNED BY public.trial_values.trial_value_id;
CREATE TABLE public.trials (
    trial_id integer NOT NULL,
    number integer,
    study_id integer,
    state public.trialstate NOT NULL,
    datetime_start timestamp without time zone,
    datetime_complete timestamp without time zone
);
CREATE SEQUENCE public.trials_trial_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trials_trial_id_seq OWNED BY public.trials.trial_id;
CREATE TABLE public.version_info (
    version_info_id integer NOT NULL,
    schema_version integer,
    library_version character varying(256),
    CONSTRAINT version_info_version_info_id_check CHECK ((version_info_id = 1))
);
ALTER TABLE ONLY public.ceteris_cell ALTER COLUMN cell_id SET DEFAULT nextval('public.ceteris_cell_cell_id_seq'::regclass);
ALTER TABLE ONLY public.ceteris_checkpoint ALTER COLUMN id SET DEFAULT nextval('public.ceteris_checkpoint_id_seq'::regclass);
ALTER TABLE ONLY public.ceteris_entry ALTER COLUMN entry_id SET DEFAULT nextval('public.ceteris_entry_entry_id_seq'::regclass);
ALTER TABLE ONLY public.ceteris_manifest ALTER COLUMN study_id SET DEFAULT nextval('public.ceteris_manifest_study_id_seq'::regclass);
ALTER TABLE ONLY public.ceteris_test_opening ALTER COLUMN id SET DEFAULT nextval('public.ceteris_test_opening_id_seq'::regclass);
ALTER TABLE ONLY public.studies ALTER COLUMN study_id SET DEFAULT nextval('public.studies_study_id_seq'::regclass);
ALTER TABLE ONLY public.study_directions ALTER COLUMN study_direction_id SET DEFAULT nextval('public.study_directions_study_direction_id_seq'::regclass);
ALTER TABLE ONLY public.study_system_attributes ALTER COLUMN study_system_attribute_id SET DEFAULT nextval('public.study_system_attributes_study_system_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.study_user_attributes ALTER COLUMN study_user_attribute_id SET DEFAULT nextval('public.study_user_attributes_study_user_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.trial_heartbeats ALTER COLUMN trial_heartbeat_id SET DEFAULT nextval('public.trial_heartbeats_trial_heartbeat_id_seq'::regclass);
ALTER TABLE ONLY public.trial_intermediate_values ALTER COLUMN trial_intermediate_value_id SET DEFAULT nextval('public.trial_intermediate_values_trial_intermediate_value_id_seq'::regclass);
ALTER TABLE ONLY public.trial_params ALTER COLUMN param_id SET DEFAULT nextval('public.trial_params_param_id_seq'::regclass);
ALTER TABLE ONLY public.trial_system_attributes ALTER COLUMN trial_system_attribute_id SET DEFAULT nextval('public.trial_system_attributes_trial_system_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.trial_user_attributes ALTER COLUMN trial_user_attribute_id SET DEFAULT nextval('public.trial_user_attributes_trial_user_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.trial_values ALTER COLUMN trial_value_id SET DEFAULT nextval('public.trial_values_trial_value_id_seq'::regclass);
ALTER TABLE ONLY public.trials ALTER COLUMN trial_id SET DEFAULT nextval('public.trials_trial_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('v3.2.0.a');
INSERT INTO public.ceteris_attempt VALUES (1, 1, 1, 'old-worker', 'host', 'cpu', '{"compiled":false,"precision":"fp32","threads":1}', 1795640561.887551, 5, 200, 3, 1, NULL, 4.5, NULL);
INSERT INTO public.ceteris_attempt VALUES (2, 1, 1, 'old-worker', 'host', 'cpu', '{"compiled":false,"precision":"fp32","threads":1}', 1795640561.954478, 5, 50, 3, 1, NULL, 4.5, NULL);
INSERT INTO public.ceteris_attempt VALUES (3, 1, 1, 'old-worker', 'host', 'cpu', '{"compiled":false,"precision":"fp32","threads":1}', 1795640562.149602, 5, 70, 3, 1, NULL, 4.5, NULL);
INSERT INTO public.ceteris_budget VALUES (1, '1-lr', 8, 3, NULL);
INSERT INTO public.ceteris_budget VALUES (1, '2-loss', 8, 1, NULL);
INSERT INTO public.ceteris_cell VALUES (1, 1, 'signature-0', 'digest', 0, '{"lr":0.001}', '1-lr', 1, 'lr_aug/1-lr', 0, 'COMPLETE', 'finished', 'because the test says so', 0.9, 2, 0.9, 2, 0.5, NULL, 1, 'n0', 0, 'old-worker');
INSERT INTO public.ceteris_cell VALUES (2, 1, 'signature-1', 'digest', 0, '{"lr":0.0015}', '1-lr', 2, 'lr_aug/1-lr', 1, 'WAITING', NULL, NULL, NULL, NULL, NULL, 1, 0, NULL, 1, 'n1', 0, 'old-worker');
INSERT INTO public.ceteris_cell VALUES (3, 1, 'signature-2', 'digest', 0, '{"lr":0.00225}', '1-lr', 3, 'lr_aug/1-lr', 2, 'RUNNING', NULL, NULL, NULL, NULL, NULL, 2, 0, NULL, 1, 'n2', 0, 'old-worker');
INSERT INTO public.ceteris_checkpoint VALUES (1, 1, 1, 1, 'resume', 's/1.ckpt', 'host', 3, 'ab', 1795640566.884281);
INSERT INTO public.ceteris_checkpoint VALUES (2, 3, 1, 2, 'resume', 's/2.ckpt', 'host', 3, 'ab', 1795640567.147051);
INSERT INTO public.ceteris_entry VALUES (1, 1, '1-lr', 1, 'screen', 'lr 0.001', '{"loss":"focal(2)","lr":0.001}', '{"attrs":{"colour":"blue","label":"lr 0.001","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}', 1, 0);
INSERT INTO public.ceteris_entry VALUES (2, 1, '1-lr', 2, 'screen', 'lr 0.0015', '{"loss":"focal(2)","lr":0.0015}', '{"attrs":{"colour":"blue","label":"lr 0.0015","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}', 2, 1);
INSERT INTO public.ceteris_entry VALUES (3, 1, '1-lr', 3, 'screen', 'lr 0.00225', '{"loss":"focal(2)","lr":0.00225}', '{"attrs":{"colour":"blue","label":"lr 0.00225","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}', 3, 2);
INSERT INTO public.ceteris_entry VALUES (4, 1, '2-loss', 1, 'screen', 'lr 0.001', '{"loss":"focal(2)","lr":0.001}', '{"attrs":{"colour":"blue","label":"lr 0.001","replicate":0,"role":"screen"},"distributions":{"loss":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"cross_entropy\", \"focal(2)\"]}}","lr":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.0001, \"high\": 10.0, \"log\": true}}"}}', 4, 0);
INSERT INTO public.ceteris_epoch VALUES (1, 1, 1, 'constant', 0.1, 1, 1.1, 0.001, 0.25);
INSERT INTO public.ceteris_epoch VALUES (1, 2, 1, 'constant', 0.2, 1, 1.1, 0.001, 0.25);
INSERT INTO public.ceteris_epoch VALUES (2, 1, 1, 'constant', 0.3, 1, 1.1, 0.001, 0.25);
INSERT INTO public.ceteris_epoch VALUES (3, 1, 1, 'constant', 0.4, 1, 1.1, 0.001, 0.25);
INSERT INTO public.ceteris_epoch VALUES (3, 2, 1, 'constant', NULL, 1, 1.1, 0.001, 0.25);
INSERT INTO public.ceteris_lease VALUES (3, 1, 3, 'old-worker', 1, 'n2', 1795640567.9416769, 1);
INSERT INTO public.ceteris_manifest VALUES (1, 'lr_aug', 'as asked', 'resolved', 'digest', 1, '{"torch":"2.14.1"}', 'tester', 1795640566.799458);
INSERT INTO public.ceteris_measurement VALUES (1, 'rules', '{"delta":0.01}', 'old-worker', 1795640567.160376);
INSERT INTO public.ceteris_test_opening VALUES (1, 1, '63bde0b0a4ed4c08bed0206047a09adb', 'who', 'why', 1795640567.192859);
INSERT INTO public.ceteris_verdict VALUES (1, 'pilot', 'tie', 'lr 0.001', '{}', '{"n":1}', 'old-worker', 1795640567.179428);
INSERT INTO public.ceteris_version VALUES (1, 2, 'elsewhere 1234');
INSERT INTO public.ceteris_worker VALUES ('old-worker', 1, 'elsewhere', 1, 'cpu', '{"torch":"2.14.1"}', 1795640566.82444, 1795640567.202805, '', 1795640567.202814);
INSERT INTO public.studies VALUES (1, 'lr_aug/1-lr');
INSERT INTO public.studies VALUES (2, 'lr_aug/2-loss');
INSERT INTO public.study_directions VALUES (1, 'MAXIMIZE', 1, 0);
INSERT INTO public.study_directions VALUES (2, 'MAXIMIZE', 2, 0);
INSERT INTO public.trial_intermediate_values VALUES (1, 1, 1, 0.1, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (2, 1, 2, 0.2, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (3, 2, 1, 0.3, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (4, 4, 1, 0.1, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (5, 4, 2, 0.2, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (6, 3, 1, 0.4, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (7, 3, 2, NULL, 'NAN');
INSERT INTO public.trial_params VALUES (1, 1, 'lr', 0.001, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
INSERT INTO public.trial_params VALUES (2, 1, 'loss', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO public.trial_params VALUES (3, 2, 'lr', 0.0015, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
INSERT INTO public.trial_params VALUES (4, 2, 'loss', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO public.trial_params VALUES (5, 3, 'lr', 0.00225, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
INSERT INTO public.trial_params VALUES (6, 3, 'loss', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO public.trial_params VALUES (7, 4, 'loss', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": ["cross_entropy", "focal(2)"]}}');
INSERT INTO public.trial_params VALUES (8, 4, 'lr', 0.001, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 10.0, "log": true}}');
INSERT INTO public.trial_user_attributes VALUES (1, 1, 'role', '"screen"');
INSERT INTO public.trial_user_attributes VALUES (2, 1, 'label', '"lr 0.001"');
INSERT INTO public.trial_user_attributes VALUES (3, 1, 'replicate', '0');
INSERT INTO public.trial_user_attributes VALUES (4, 1, 'colour', '"blue"');
INSERT INTO public.trial_user_attributes VALUES (5, 1, 'stop', '"finished"');
INSERT INTO public.trial_user_attributes VALUES (6, 1, 'reason', '"because the test says so"');
INSERT INTO public.trial_user_attributes VALUES (7, 2, 'role', '"screen"');
INSERT INTO public.trial_user_attributes VALUES (8, 2, 'label', '"lr 0.0015"');
INSERT INTO public.trial_user_attributes VALUES (9, 2, 'replicate', '0');
INSERT INTO public.trial_user_attributes VALUES (10, 2, 'colour', '"blue"');
INSERT INTO public.trial_user_attributes VALUES (11, 3, 'role', '"screen"');
INSERT INTO public.trial_user_attributes VALUES (12, 3, 'label', '"lr 0.00225"');
INSERT INTO public.trial_user_attributes VALUES (13, 3, 'replicate', '0');
INSERT INTO public.trial_user_attributes VALUES (14, 3, 'colour', '"blue"');
INSERT INTO public.trial_user_attributes VALUES (15, 4, 'colour', '"blue"');
INSERT INTO public.trial_user_attributes VALUES (16, 4, 'label', '"lr 0.001"');
INSERT INTO public.trial_user_attributes VALUES (17, 4, 'replicate', '0');
INSERT INTO public.trial_user_attributes VALUES (18, 4, 'role', '"screen"');
INSERT INTO public.trial_user_attributes VALUES (19, 4, 'reused', '"lr_aug/1-lr #0"');
INSERT INTO public.trial_user_attributes VALUES (20, 4, 'reason', '"because the test says so"');
INSERT INTO public.trial_user_attributes VALUES (21, 4, 'stop', '"finished"');
INSERT INTO public.trial_values VALUES (1, 1, 0, 0.9, 'FINITE');
INSERT INTO public.trial_values VALUES (2, 4, 0, 0.9, 'FINITE');
INSERT INTO public.trials VALUES (1, 0, 1, 'COMPLETE', '2026-11-25 21:02:46.853512', '2026-11-25 21:02:46.906536');
INSERT INTO public.trials VALUES (3, 2, 1, 'RUNNING', '2026-11-25 21:02:46.984176', NULL);
INSERT INTO public.trials VALUES (2, 1, 1, 'WAITING', '2026-11-25 21:02:46.926041', NULL);
INSERT INTO public.trials VALUES (4, 0, 2, 'COMPLETE', '2026-11-25 21:02:46.853512', '2026-11-25 21:02:46.906536');
INSERT INTO public.version_info VALUES (1, 12, '5.0.0');
SELECT pg_catalog.setval('public.ceteris_cell_cell_id_seq', 3, true);
SELECT pg_catalog.setval('public.ceteris_checkpoint_id_seq', 2, true);
SELECT pg_catalog.setval('public.ceteris_entry_entry_id_seq', 4, true);
SELECT pg_catalog.setval('public.ceteris_manifest_study_id_seq', 1, true);
SELECT pg_catalog.setval('public.ceteris_test_opening_id_seq', 1, true);
SELECT pg_catalog.setval('public.studies_study_id_seq', 2, true);
SELECT pg_catalog.setval('public.study_directions_study_direction_id_seq', 2, true);
SELECT pg_catalog.setval('public.study_system_attributes_study_system_attribute_id_seq', 1, false);
SELECT pg_catalog.setval('public.study_user_attributes_study_user_attribute_id_seq', 1, false);
SELECT pg_catalog.setval('public.trial_heartbeats_trial_heartbeat_id_seq', 1, false);
SELECT pg_catalog.setval('public.trial_intermediate_values_trial_intermediate_value_id_seq', 7, true);
SELECT pg_catalog.setval('public.trial_params_param_id_seq', 8, true);
SELECT pg_catalog.setval('public.trial_system_attributes_trial_system_attribute_id_seq', 1, false);
SELECT pg_catalog.setval('public.trial_user_attributes_trial_user_attribute_id_seq', 21, true);
SELECT pg_catalog.setval('public.trial_values_trial_value_id_seq', 2, true);
SELECT pg_catalog.setval('public.trials_trial_id_seq', 4, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkey PRIMARY KEY (version_num);
ALTER TABLE ONLY public.ceteris_attempt
    ADD CONSTRAINT ceteris_attempt_pkey PRIMARY KEY (trial_id, token);
ALTER TABLE ONLY public.ceteris_budget
    ADD CONSTRAINT ceteris_budget_pkey PRIMARY KEY (study_id, phase);
ALTER TABLE ONLY public.ceteris_cell
    ADD CONSTRAINT ceteris_cell_pkey PRIMARY KEY (cell_id);
ALTER TABLE ONLY public.ceteris_cell
    ADD CONSTRAINT ceteris_cell_study_id_signature_data_digest_replicate_key UNIQUE (study_id, signature, data_digest, replicate);
ALTER TABLE ONLY public.ceteris_checkpoint
    ADD CONSTRAINT ceteris_checkpoint_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ceteris_checkpoint
    ADD CONSTRAINT ceteris_checkpoint_trial_id_token_epoch_kind_key UNIQUE (trial_id, token, epoch, kind);
ALTER TABLE ONLY public.ceteris_entry
    ADD CONSTRAINT ceteris_entry_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY public.ceteris_entry
    ADD CONSTRAINT ceteris_entry_study_id_phase_cell_id_key UNIQUE (study_id, phase, cell_id);
ALTER TABLE ONLY public.ceteris_epoch
    ADD CONSTRAINT ceteris_epoch_pkey PRIMARY KEY (trial_id, epoch);
ALTER TABLE ONLY public.ceteris_lease
    ADD CONSTRAINT ceteris_lease_cell_id_key UNIQUE (cell_id);
ALTER TABLE ONLY public.ceteris_lease
    ADD CONSTRAINT ceteris_lease_nonce_key UNIQUE (nonce);
ALTER TABLE ONLY public.ceteris_lease
    ADD CONSTRAINT ceteris_lease_pkey PRIMARY KEY (trial_id);
ALTER TABLE ONLY public.ceteris_manifest
    ADD CONSTRAINT ceteris_manifest_name_key UNIQUE (name);
ALTER TABLE ONLY public.ceteris_manifest
    ADD CONSTRAINT ceteris_manifest_pkey PRIMARY KEY (study_id);
ALTER TABLE ONLY public.ceteris_measurement
    ADD CONSTRAINT ceteris_measurement_pkey PRIMARY KEY (study_id, key);
ALTER TABLE ONLY public.ceteris_test_opening
    ADD CONSTRAINT ceteris_test_opening_nonce_key UNIQUE (nonce);
ALTER TABLE ONLY public.ceteris_test_opening
    ADD CONSTRAINT ceteris_test_opening_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ceteris_verdict
    ADD CONSTRAINT ceteris_verdict_pkey PRIMARY KEY (study_id, stage);
ALTER TABLE ONLY public.ceteris_version
    ADD CONSTRAINT ceteris_version_pkey PRIMARY KEY ("only");
ALTER TABLE ONLY public.ceteris_worker
    ADD CONSTRAINT ceteris_worker_pkey PRIMARY KEY (worker_id);
ALTER TABLE ONLY public.studies
    ADD CONSTRAINT studies_pkey PRIMARY KEY (study_id);
ALTER TABLE ONLY public.study_directions
    ADD CONSTRAINT study_directions_pkey PRIMARY KEY (study_direction_id);
ALTER TABLE ONLY public.study_directions
    ADD CONSTRAINT study_directions_study_id_objective_key UNIQUE (study_id, objective);
ALTER TABLE ONLY public.study_system_attributes
    ADD CONSTRAINT study_system_attributes_pkey PRIMARY KEY (study_system_attribute_id);
ALTER TABLE ONLY public.study_system_attributes
    ADD CONSTRAINT study_system_attributes_study_id_key_key UNIQUE (study_id, key);
ALTER TABLE ONLY public.study_user_attributes
    ADD CONSTRAINT study_user_attributes_pkey PRIMARY KEY (study_user_attribute_id);
ALTER TABLE ONLY public.study_user_attributes
    ADD CONSTRAINT study_user_attributes_study_id_key_key UNIQUE (study_id, key);
ALTER TABLE ONLY public.trial_heartbeats
    ADD CONSTRAINT trial_heartbeats_pkey PRIMARY KEY (trial_heartbeat_id);
ALTER TABLE ONLY public.trial_heartbeats
    ADD CONSTRAINT trial_heartbeats_trial_id_key UNIQUE (trial_id);
ALTER TABLE ONLY public.trial_intermediate_values
    ADD CONSTRAINT trial_intermediate_values_pkey PRIMARY KEY (trial_intermediate_value_id);
ALTER TABLE ONLY public.trial_intermediate_values
    ADD CONSTRAINT trial_intermediate_values_trial_id_step_key UNIQUE (trial_id, step);
ALTER TABLE ONLY public.trial_params
    ADD CONSTRAINT trial_params_pkey PRIMARY KEY (param_id);
ALTER TABLE ONLY public.trial_params
    ADD CONSTRAINT trial_params_trial_id_param_name_key UNIQUE (trial_id, param_name);
ALTER TABLE ONLY public.trial_system_attributes
    ADD CONSTRAINT trial_system_attributes_pkey PRIMARY KEY (trial_system_attribute_id);
ALTER TABLE ONLY public.trial_system_attributes
    ADD CONSTRAINT trial_system_attributes_trial_id_key_key UNIQUE (trial_id, key);
ALTER TABLE ONLY public.trial_user_attributes
    ADD CONSTRAINT trial_user_attributes_pkey PRIMARY KEY (trial_user_attribute_id);
ALTER TABLE ONLY public.trial_user_attributes
    ADD CONSTRAINT trial_user_attributes_trial_id_key_key UNIQUE (trial_id, key);
ALTER TABLE ONLY public.trial_values
    ADD CONSTRAINT trial_values_pkey PRIMARY KEY (trial_value_id);
ALTER TABLE ONLY public.trial_values
    ADD CONSTRAINT trial_values_trial_id_objective_key UNIQUE (trial_id, objective);
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT trials_pkey PRIMARY KEY (trial_id);
ALTER TABLE ONLY public.version_info
    ADD CONSTRAINT version_info_pkey PRIMARY KEY (version_info_id);
CREATE INDEX ceteris_lease_expiry ON public.ceteris_lease USING btree (study_id, expires_at);
CREATE INDEX ix_ceteris_cell_trial_id ON public.ceteris_cell USING btree (trial_id);
CREATE INDEX ix_ceteris_entry_cell_id ON public.ceteris_entry USING btree (cell_id);
CREATE UNIQUE INDEX ix_studies_study_name ON public.studies USING btree (study_name);
CREATE INDEX ix_trials_study_id ON public.trials USING btree (study_id);
ALTER TABLE ONLY public.ceteris_attempt
    ADD CONSTRAINT ceteris_attempt_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_budget
    ADD CONSTRAINT ceteris_budget_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_cell
    ADD CONSTRAINT ceteris_cell_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_entry
    ADD CONSTRAINT ceteris_entry_cell_id_fkey FOREIGN KEY (cell_id) REFERENCES public.ceteris_cell(cell_id);
ALTER TABLE ONLY public.ceteris_entry
    ADD CONSTRAINT ceteris_entry_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_lease
    ADD CONSTRAINT ceteris_lease_cell_id_fkey FOREIGN KEY (cell_id) REFERENCES public.ceteris_cell(cell_id);
ALTER TABLE ONLY public.ceteris_lease
    ADD CONSTRAINT ceteris_lease_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_measurement
    ADD CONSTRAINT ceteris_measurement_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_test_opening
    ADD CONSTRAINT ceteris_test_opening_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_verdict
    ADD CONSTRAINT ceteris_verdict_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.ceteris_worker
    ADD CONSTRAINT ceteris_worker_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.ceteris_manifest(study_id);
ALTER TABLE ONLY public.study_directions
    ADD CONSTRAINT study_directions_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
ALTER TABLE ONLY public.study_system_attributes
    ADD CONSTRAINT study_system_attributes_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
ALTER TABLE ONLY public.study_user_attributes
    ADD CONSTRAINT study_user_attributes_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
ALTER TABLE ONLY public.trial_heartbeats
    ADD CONSTRAINT trial_heartbeats_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_intermediate_values
    ADD CONSTRAINT trial_intermediate_values_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_params
    ADD CONSTRAINT trial_params_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_system_attributes
    ADD CONSTRAINT trial_system_attributes_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_user_attributes
    ADD CONSTRAINT trial_user_attributes_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_values
    ADD CONSTRAINT trial_values_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT trials_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
