# SPDX-License-Identifier: Apache-2.0
"""submission_shapes.py: samples as competitions hand them out, each with two queries of the five and made-up scores, for the tests beside
it. A shape is (name, suffix, text of the sample, options that submit-format and check need beside it)."""
import json

QUERIES = [("q1", "what is a lift"), ("q2", "wie fliegt ein Flugzeug"), ("q3", "什么是升力"), ("q4", "почему 飞机 летит"), ("q5", "lift, drag; \"and\" thrust")]
DOCS = [f"d{i}" for i in range(1, 13)]
NUMBERED_QUERIES = [(str(100 + i), text) for i, (_, text) in enumerate(QUERIES)]
NUMBERED_DOCS = [str(i) for i in range(1, 13)]


def rows(separator, header, lines, end="\n"):
    return end.join(([separator.join(header)] if header else []) + [separator.join(line) for line in lines]) + end


PAIRS = [("q1", "d1", "0.9"), ("q1", "d2", "0.8"), ("q2", "d3", "0.7"), ("q2", "d1", "0.6")]
LISTS = [("q1", "d1 d2 d3"), ("q2", "d3 d1 d2")]


def jtext(value, **options):
    return json.dumps(value, ensure_ascii=False, **options)


OBJECTS = [{"query_id": "q1", "results": [{"id": "d1", "score": 0.9}, {"id": "d2", "score": 0.8}]},
           {"query_id": "q2", "results": [{"id": "d3", "score": 0.7}, {"id": "d1", "score": 0.6}]}]
RANKED = [{"query": "what is a lift", "ranked_passages": [{"id": "d1", "score": 0.9}, {"id": "d2", "score": 0.8}]},
          {"query": "wie fliegt ein Flugzeug", "ranked_passages": [{"id": "d3", "score": 0.7}, {"id": "d1", "score": 0.6}]}]

SHAPES = [
    ("kaggle list by spaces", "csv", rows(",", ["query_id", "document_ids"], LISTS)),
    ("Learning Equality", "csv", rows(",", ["topic_id", "content_ids"], LISTS)),
    ("list by commas, quoted", "csv", 'query_id,predictions\nq1,"d1,d2,d3"\nq2,"d3,d1,d2"\n'),
    ("list by bars", "csv", rows(",", ["qid", "docs"], [("q1", "d1|d2|d3"), ("q2", "d3|d1")])),
    ("list by semicolons", "tsv", rows("\t", ["qid", "docs"], [("q1", "d1;d2;d3"), ("q2", "d3;d1")])),
    ("list by comma and space", "csv", 'qid,docs\nq1,"d1, d2, d3"\nq2,"d3, d1"\n'),
    ("list as JSON in a cell", "csv", 'qid,docs\nq1,"[""d1"", ""d2""]"\nq2,"[""d3"", ""d1""]"\n'),
    ("list as Python in a cell", "csv", "qid,docs\nq1,\"['d1', 'd2']\"\nq2,\"['d3', 'd1']\"\n"),
    ("list under id", "csv", rows(",", ["id", "prediction"], LISTS)),
    ("list and scores", "csv", 'qid,doc_ids,scores\nq1,d1 d2,0.9 0.8\nq2,d3 d1,0.7 0.6\n'),
    ("columns by rank", "csv", rows(",", ["qid", "doc_1", "doc_2", "doc_3"], [("q1", "d1", "d2", "d3"), ("q2", "d3", "d1", "d2")])),
    ("columns top1", "csv", rows(",", ["query", "top1", "top2"], [("q1", "d1", "d2"), ("q2", "d3", "d1")])),
    ("columns with scores", "csv", rows(",", ["qid", "doc1", "score1", "doc2", "score2"],
                                        [("q1", "d1", "0.9", "d2", "0.8"), ("q2", "d3", "0.7", "d1", "0.6")])),
    ("empty scores", "csv", rows(",", ["qid", "docid", "score"], [("q1", "d1", ""), ("q1", "d2", ""), ("q2", "d3", "")])),
    ("scores in any order", "csv", rows(",", ["qid", "docid", "score"], [(q, d, f"0.{i + 1}") for i, (q, d) in enumerate(
        [("q1", "d1"), ("q1", "d2"), ("q1", "d3"), ("q2", "d1"), ("q2", "d2"), ("q2", "d3")])])),
    ("Chinese names", "csv", rows(",", ["序号", "查询编号", "文档编号", "排名", "相似度"],
                                  [("1", "q1", "d1", "1", "0.9"), ("2", "q1", "d2", "2", "0.8"), ("3", "q2", "d3", "1", "0.7")])),
    ("pairs tsv", "tsv", rows("\t", ["qid", "pid", "score"], PAIRS)),
    ("BEIR", "tsv", rows("\t", ["query-id", "corpus-id", "score"], PAIRS)),
    ("MS MARCO", "tsv", rows("\t", None, [("q1", "d1", "1"), ("q1", "d2", "2"), ("q2", "d3", "1"), ("q2", "d1", "2")])),
    ("no header, scores", "csv", rows(",", None, PAIRS)),
    ("rank in the middle", "csv", rows(";", ["id", "rank", "doc"], [("q1", "1", "d1"), ("q1", "2", "d2"), ("q2", "1", "d3"), ("q2", "2", "d1")])),
    ("ranks from 0", "csv", rows(",", ["query_id", "doc_id", "rank", "score"],
        [("q1", "d1", "0", "0.9"), ("q1", "d2", "1", "0.8"), ("q2", "d3", "0", "0.7")])),
    ("document first", "csv", rows(",", ["doc_id", "score", "query_id"], [(d, s, q) for q, d, s in PAIRS])),
    ("CRLF", "csv", rows(",", ["qid", "docid", "score"], PAIRS, "\r\n")),
    ("BOM", "csv", "\ufeff" + rows(",", ["qid", "docid", "score"], PAIRS)),
    ("all quoted", "csv", "\n".join(",".join(f'"{c}"' for c in line) for line in [("qid", "docid", "score"), *PAIRS]) + "\n"),
    ("decimal comma", "csv", rows(";", ["qid", "docid", "score"], [(q, d, s.replace(".", ",")) for q, d, s in PAIRS])),
    ("percent", "csv", rows(",", ["qid", "docid", "similarity"], [("q1", "d1", "93%"), ("q1", "d2", "81.5%"), ("q2", "d3", "70%")])),
    ("whole numbers", "csv", rows(",", ["qid", "docid", "score"], [("q1", "d1", "10"), ("q1", "d2", "9"), ("q2", "d3", "10")])),
    ("distances", "csv", rows(",", ["qid", "docid", "distance"], [("q1", "d1", "0.1"), ("q1", "d2", "0.3"), ("q2", "d3", "0.2"), ("q2", "d1", "0.4")])),
    ("row ids and constants", "csv", rows(",", ["row_id", "query_id", "doc_id", "score", "team"],
        [("0", "q1", "d1", "0.9", "us"), ("1", "q1", "d2", "0.8", "us"), ("2", "q2", "d3", "0.7", "us")])),
    ("query id and text", "csv", 'query_id,query,doc_id,score\nq1,what is a lift,d1,0.9\nq2,wie fliegt ein Flugzeug,d3,0.7\n'),
    ("query by text", "csv", 'query,doc_id,score\nwhat is a lift,d1,0.9\nwie fliegt ein Flugzeug,d3,0.7\n'),
    ("labels", "csv", rows(",", ["qid", "docid", "label"], [("q1", "d1", "1"), ("q1", "d2", "0"), ("q2", "d3", "1")])),
    ("an index column", "csv", rows(",", ["", "query_id", "doc_id", "score"], [("0", "q1", "d1", "0.9"), ("1", "q1", "d2", "0.8"), ("2", "q2", "d3", "0.7")])),
    ("rank before document", "tsv", rows("\t", None, [("q1", "1", "d1"), ("q1", "2", "d2"), ("q2", "1", "d3")])),
    ("unknown names", "csv", rows(",", ["foo", "bar", "baz"], PAIRS)),
    ("header alone", "csv", "query_id,document_ids\n"),
    ("header of pairs alone", "csv", "query_id,document_id,score\n"),
    ("TREC", "trec", "q1 Q0 d1 1 0.9 base\nq1 Q0 d2 2 0.8 base\nq2 Q0 d3 1 0.7 base\n"),
    ("TREC by tabs", "txt", "q1\tQ0\td1\t1\t9.5\tbase\nq1\tQ0\td2\t2\t8.5\tbase\n"),
    ("seed 002", "json", jtext(RANKED, indent=2)),
    ("objects with a list", "json", jtext(OBJECTS)),
    ("objects with ids", "json", jtext([{"qid": "q1", "docs": ["d1", "d2"]}, {"qid": "q2", "docs": ["d3", "d1"]}], indent=4)),
    ("list before the query", "json", jtext([{"results": ["d1", "d2"], "qid": "q1"}, {"results": ["d3"], "qid": "q2"}])),
    ("ids and scores beside", "json", jtext([{"qid": "q1", "doc_ids": ["d1", "d2"], "scores": [0.9, 0.8]}, {"qid": "q2", "doc_ids": ["d3"], "scores": [0.7]}])),
    ("pairs as arrays", "json", jtext([{"qid": "q1", "results": [["d1", 0.9], ["d2", 0.8]]}, {"qid": "q2", "results": [["d3", 0.7]]}])),
    ("pair objects", "json", jtext([{"query_id": q, "doc_id": d, "score": float(s)} for q, d, s in PAIRS])),
    ("pair objects with rank", "json", jtext([{"query_id": q, "doc_id": d, "rank": i % 2 + 1, "score": float(s)} for i, (q, d, s) in enumerate(PAIRS)],
                                             indent=1)),
    ("keyed ids", "json", jtext({"q1": ["d1", "d2"], "q2": ["d3", "d1"]})),
    ("keyed scores", "json", jtext({"q1": {"d1": 0.9, "d2": 0.8}, "q2": {"d3": 0.7, "d1": 0.6}}, indent=2)),
    ("keyed objects", "json", jtext({"q1": [{"doc_id": "d1", "score": 0.9}], "q2": [{"doc_id": "d3", "score": 0.7}]})),
    ("keyed text", "json", jtext({"q1": "d1 d2 d3", "q2": "d3 d1"})),
    ("compact", "json", jtext({"q1": ["d1", "d2"], "q2": ["d3", "d1"]}, separators=(",", ":"))),
    ("wrapped objects", "json", jtext({"team": "us", "version": 1, "results": OBJECTS, "done": True}, indent=2)),
    ("wrapped map", "json", jtext({"results": {"q1": ["d1", "d2"], "q2": ["d3", "d1"]}})),
    ("two wrappers", "json", jtext({"data": {"results": OBJECTS}}, indent=2)),
    ("MTEB predictions", "json", jtext({"mteb_model_meta": {"model_name": "m3", "revision": "1"},
                                        "default": {"test": {"q1": {"d1": 0.9, "d2": 0.8}, "q2": {"d3": 0.7, "d1": 0.6}}}})),
    ("tabs as indents", "json", jtext(OBJECTS, indent="\t")),
    ("escaped text", "json", json.dumps([{"query": "什么是升力", "ranked_passages": [{"id": "d1", "score": 0.5}, {"id": "d2", "score": 0.4}]}], indent=2)),
    ("JSONL lists", "jsonl", "".join(jtext(o) + "\n" for o in OBJECTS)),
    ("JSONL pairs", "jsonl", "".join(jtext({"qid": q, "docid": d, "score": float(s)}) + "\n" for q, d, s in PAIRS)),
    ("JSONL keyed", "jsonl", "".join(jtext({q: ids.split()}) + "\n" for q, ids in LISTS)),
    ("one line of JSONL", "jsonl", jtext(OBJECTS[0]) + "\n"),
    ("constants in JSON", "json", jtext([{"qid": "q1", "model": "m3", "docs": ["d1"]}, {"qid": "q2", "model": "m3", "docs": ["d3", "d2"]}])),
    ("scores in quotes", "json", jtext([{"qid": "q1", "results": [{"id": "d1", "score": "0.9"}, {"id": "d2", "score": "0.8"}]}])),
    ("texts of documents", "json", jtext([{"qid": "q1", "results": [{"id": "d1", "text": "text 1", "score": 0.9}]}])),
]
NUMBERED = [
    ("numbers in CSV", "csv", rows(",", ["query_id", "document_id", "score"], [("100", "1", "0.9"), ("100", "2", "0.8"), ("101", "3", "0.7")])),
    ("numbers, no header", "csv", rows(",", None, [("100", "1", "0.9"), ("100", "2", "0.8"), ("101", "3", "0.7")])),
    ("numbers in JSON", "json", jtext([{"query_id": 100, "doc_ids": [1, 2]}, {"query_id": 101, "doc_ids": [3, 1]}])),
    ("numbers as text in JSON", "json", jtext([{"query_id": "100", "doc_ids": ["1", "2"]}, {"query_id": "101", "doc_ids": ["3", "1"]}])),
    ("numbers of documents", "jsonl", "".join(jtext({"query_id": str(q), "results": [{"id": d, "score": 0.5}]}) + "\n" for q, d in ((100, 1), (101, 3)))),
    ("numbers in lists", "csv", rows(",", ["query_id", "document_ids"], [("100", "1 2 3"), ("101", "3 1 2")])),
    ("numbers in TREC", "trec", "100 Q0 1 1 0.9 base\n100 Q0 2 2 0.8 base\n101 Q0 3 1 0.7 base\n"),
    ("numbers in lists of JSON", "csv", 'qid,docs\n100,"[1, 2]"\n101,"[3, 1]"\n'),
    ("MS MARCO, numbered", "tsv", rows("\t", None, [("100", "5", "1"), ("100", "7", "2"), ("101", "3", "1"), ("101", "1", "2")])),
]
