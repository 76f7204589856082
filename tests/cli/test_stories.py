#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_stories.py: what the competition's founders asked of one model with three outputs, on real text with small-m3: the exact amount in
a long contract, items that mix Chinese, English and Japanese, and a fact in the middle of a long document. Skipped without the model."""
import json
import os
import pathlib
import re
import sys
import tempfile

from tap import ROOT, check, plan, skip, trident

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODEL = pathlib.Path(os.environ.get("TRI_MODELS") or CACHE / "trident/models") / "small-m3"
DEMO = ROOT / "data/xquad-demo"

CONTRACT = """采购合同第{number}号。甲方委托乙方供应本合同附件所列之设备，并负责安装、调试与培训。第一条 标的与数量：以附件一为准，乙方保证设备为全新、未经使用，
并符合国家标准。第二条 价款与支付：合同签订后十个工作日内支付预付款，验收合格后支付余款，乙方应于付款前开具等额发票。第三条 交付：乙方应于合同生效后六十日内
将设备运抵甲方指定地点，运输与保险费用由乙方承担，货物毁损灭失的风险自验收合格之日起转移。第四条 验收：甲方应在到货后十五日内组织验收，逾期未提出书面异议的视为合格。
第五条 质量保证：质保期为十二个月，质保期内非因甲方原因造成的故障，乙方应在四十八小时内到场维修。第六条 违约责任：任何一方违反本合同约定，应当赔偿对方因此遭受的实际损失，
但违约赔偿的上限为{amount}万元；逾期交付的，每日按价款的万分之五支付违约金。第七条 保密：双方对履行本合同过程中知悉的商业秘密负有保密义务，该义务在合同终止后继续有效。
第八条 不可抗力：因地震、洪水等不可抗力不能履行的，根据影响部分或者全部免除责任。第九条 争议解决：因本合同引起的争议，双方应协商解决，协商不成的，提交甲方所在地人民法院诉讼解决。"""
AMOUNTS = [10, 15, 20, 25, 30, 35, 40, 50, 60, 75, 80, 90, 120, 150, 200, 300]

ITEMS = {
    "headphones": "Sony WH-1000XM5 无线降噪头戴式耳机 ノイズキャンセリング 連続再生30時間 黑色",
    "cooker": "ZOJIRUSHI 象印 电饭煲 5.5合炊き 圧力IH 微电脑预约 NW-JT10",
    "shoes": "Nike Air Zoom Pegasus 40 男子公路跑步鞋 通気性メッシュ 27.0cm",
    "lipstick": "SHISEIDO 资生堂 口红 モイスチャー ルージュ 保湿 4g 豆沙色",
    "camera": "FUJIFILM X-T5 微单相机 4020万画素 ボディ内手ブレ補正 银色机身",
    "bottle": "THERMOS 膳魔师 保温杯 真空断熱 500ml 不锈钢 直饮",
    "watch": "CASIO G-SHOCK 电波手表 ソーラー充電 20気圧防水 男款",
    "stroller": "Combi 康贝 婴儿推车 軽量4.9kg 対面式 可折叠",
    "guitar": "YAMAHA 雅马哈 民谣吉他 アコースティックギター F310 初学者 41寸",
    "vacuum": "Dyson V12 Detect Slim 手持无线吸尘器 レーザー ほこり検知 宠物毛发",
    "tea": "伊藤園 无糖绿茶饮料 お〜いお茶 600ml × 24本 Green tea unsweetened",
    "drill": "makita 牧田 充电式冲击钻 18V インパクトドライバ TD173D 双电池套装",
}
WISHES = {
    "降噪耳机 30小时续航": "headphones", "noise cancelling wireless headphones": "headphones", "炊飯器 圧力IH": "cooker",
    "running shoes for men": "shoes", "日本品牌 保湿口红": "lipstick", "デジタルカメラ 手ブレ補正": "camera", "stainless vacuum flask 500ml": "bottle",
    "太阳能 防水手表": "watch", "轻便 婴儿车 可折叠": "stroller", "acoustic guitar for beginners": "guitar", "吸尘器 宠物毛": "vacuum",
    "砂糖なし 緑茶 ペットボトル": "tea", "cordless impact driver 18V": "drill",
}


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def index(folder, name, docs):
    made = trident("index", MODEL, write(folder / f"{name}.jsonl", [{"_id": k, "text": v} for k, v in docs.items()]), "-o", folder / name, "-q")
    assert made.returncode == 0, made.stderr
    return folder / name


def first(folder, idx, queries, *words):
    """The best document of each query."""
    run = trident("search", idx, write(folder / "q.jsonl", [{"_id": q, "text": q} for q in queries]), "-k", "1", "-o", "-", "-q", *words)
    assert run.returncode == 0, run.stderr
    return {row["qid"]: row["id"] for row in map(json.loads, run.stdout.splitlines())}


def amounts(folder):
    idx = index(folder, "contracts", {f"c{a}": CONTRACT.format(number="甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳"[i], amount=a) for i, a in enumerate(AMOUNTS)})
    queries = {f"违约赔偿上限为{a}万元的合同": f"c{a}" for a in AMOUNTS}
    got = {mode: first(folder, idx, queries, "--mode", mode) for mode in ("dense", "sparse", "hybrid")}
    found = {mode: sum(got[mode][q] == want for q, want in queries.items()) for mode in got}
    check(found["sparse"] == len(AMOUNTS), "sparse finds the contract that caps damages at the exact amount, 16 of 16", (found, got["sparse"]))
    check(found["hybrid"] == len(AMOUNTS), "and so do the three ways together", found)


def mixed(folder):
    idx = index(folder, "items", ITEMS)
    got = first(folder, idx, WISHES)
    wrong = {q: got[q] for q, want in WISHES.items() if got[q] != want}
    check(len(wrong) <= 1, "items that mix Chinese, English and Japanese are found from each language", wrong)


def middle(folder):
    """Documents of three passages; every question is about the one in the middle."""
    rows = [json.loads(line) for line in (DEMO / "corpus.en.jsonl").open(encoding="utf-8")]
    texts = [re.sub(r"\s+", " ", row["text"])[:560] for row in rows]
    docs = {f"d{i}": " ".join((texts[i - 79], texts[i], texts[i - 158])) for i in range(0, len(rows), 4)}
    place = {row["_id"]: f"d{i}" for i, row in enumerate(rows) if i % 4 == 0}
    judged = dict(line.split("\t")[:2] for line in (DEMO / "qrels.tsv").read_text().splitlines()[1:])
    texts_of = {row["_id"]: row["text"] for row in map(json.loads, (DEMO / "queries.en.jsonl").open(encoding="utf-8"))}
    queries = {texts_of[q]: place[d] for q, d in judged.items() if d in place}
    queries = dict(list(queries.items())[::2])
    idx = index(folder, "middle", docs)
    got = first(folder, idx, queries)
    whole = sum(got[q] == want for q, want in queries.items()) / len(queries)
    pieces = chunked(folder, docs, queries)
    check(whole >= 0.85, f"a fact in the middle of a long document is found: {whole:.2f} of {len(queries)}", whole)
    check(whole > pieces + 0.1, f"cutting into pieces and taking the mean loses it: {pieces:.2f}", pieces)


def vectors(folder, texts, role, *words):
    run = trident("encode", MODEL, "-i", write(folder / "v.jsonl", [{"_id": str(i), "text": t} for i, t in enumerate(texts)]), "--want", "dense",
                  "--role", role, "-q", *words)
    assert run.returncode == 0, run.stderr
    return [json.loads(line)["dense"] for line in run.stdout.splitlines()]


def chunked(folder, docs, queries):
    """The share found by the old way: pieces of 128 tokens, encoded alone, their mean."""
    names = list(docs)
    passages = vectors(folder, docs.values(), "passage", "--chunk", "128", "--pool", "mean")
    found = 0
    for vector, want in zip(vectors(folder, queries, "query"), queries.values()):
        scores = [sum(a * b for a, b in zip(vector, p)) for p in passages]
        found += names[scores.index(max(scores))] == want
    return found / len(queries)


def main():
    if not MODEL.is_dir():
        skip("stories of the competition", "small-m3 is not pulled")
        return plan()
    with tempfile.TemporaryDirectory(prefix="trident-stories-") as name:
        for story in (amounts, mixed, middle):
            story(pathlib.Path(name))
    return plan()


if __name__ == "__main__":
    sys.exit(main())
