#!/usr/bin/env python3
"""What can be wrong here without a run showing it: `python3 load-tests/mixed/tests.py`."""

import asyncio
import unittest
import xml.etree.ElementTree

import client
import ledger
import measure
import plot
from load import BATCH, INTERACTIVE, Asked, Load

EVENTS = (
    b'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n',
    b"data: [DONE]\n\n",
)


class ReadingAnswers(unittest.TestCase):
    def test_the_role_is_no_first_token(self):
        self.assertEqual(read([EVENTS[0]]).first_token, 0)
        self.assertGreater(read(EVENTS[:2]).first_token, 0)

    def test_only_done_makes_a_stream_whole(self):
        self.assertEqual(read(EVENTS[:3]).code, client.CUT)
        self.assertTrue(client.is_whole(read(EVENTS), tokens=2))
        self.assertFalse(client.is_whole(read(EVENTS), tokens=3))

    def test_an_error_in_a_stream_is_its_code(self):
        failed = b'event: error\ndata: {"error":{"code":"stream_interrupted"}}\n\n'
        self.assertEqual(read([*EVENTS[:2], failed]).code, "stream_interrupted")

    def test_events_may_be_torn_anywhere(self):
        letters = [bytes([letter]) for letter in b"".join(EVENTS)]
        self.assertEqual(read(letters).completion_tokens, 2)

    def test_chunks_lose_their_framing(self):
        async def pieces():
            reader = asyncio.StreamReader()
            reader.feed_data(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n")
            return [piece async for piece in client.body_pieces(reader, {"transfer-encoding": "chunked"})]

        self.assertEqual(asyncio.run(pieces()), [b"abc", b"0123456789"])


class Books(unittest.TestCase):
    def setUp(self):
        self.load = Load(began=0, ended=10, asked=[asked("flood-1", BATCH), asked("people-1", INTERACTIVE)])
        self.lines = [line(one) for one in self.load.asked]

    def test_a_whole_day_adds_up(self):
        ledger.check_answers(self.load)
        ledger.check_lines(self.load, self.lines)

    def test_each_difference_between_answer_and_line_is_found(self):
        others = {"lane": INTERACTIVE, "caller": "people", "code": "lane_full", "status": 429, "completion_tokens": 4}
        others |= {"prompt_tokens": 1, "first_token_seconds": 1.5, "queue_seconds": 0.9, "correlation_id": "people-1"}
        for key, value in others.items():
            with self.subTest(key), self.assertRaises(ledger.Mismatch):
                ledger.check_lines(self.load, [self.lines[0] | {key: value}, self.lines[1]])

    def test_a_line_too_few_or_too_many_is_found(self):
        for lines in (self.lines[:1], [*self.lines, self.lines[0]]):
            with self.assertRaises(ledger.Mismatch):
                ledger.check_lines(self.load, lines)

    def test_a_short_answer_is_not_whole(self):
        self.load.asked[0].tokens += 1
        with self.assertRaises(ledger.Mismatch):
            ledger.check_answers(self.load)

    def test_series_are_added_by_their_labels_and_missing_ones_are_no_zero(self):
        text = '# HELP a x\na{k="p",l="1"} 3\na{k="q",l="1"} 4\nab{k="p"} 9\nc 2\n'
        self.assertEqual(ledger.added([text, text], "a", 'k="p"', 'l="1"'), 6)
        self.assertEqual((ledger.added([text], "a"), ledger.added([text], "c")), (7, 2))
        with self.assertRaises(ledger.Mismatch):
            ledger.added([text], "b")


class Figures(unittest.TestCase):
    def test_ranks_and_middles(self):
        values = [float(value) for value in range(100, 0, -1)]
        self.assertEqual([measure.percentile(values, percent) for percent in (50, 99, 100)], [50, 99, 100])
        self.assertEqual([measure.percentile([1.0, 2.0, 3.0], percent) for percent in (1, 50)], [1, 2])
        self.assertEqual(measure.Spread([4.0, 1.0, 2000.0]).text(1), "4.0 (1.0..2,000.0)")

    def test_batch_counts_by_what_it_finished_inside(self):
        early, late = asked("flood-2", BATCH), asked("flood-3", BATCH)
        early.answer.ended, late.answer.ended = -1, 10
        load = Load(began=0, ended=10, asked=[asked("flood-1", BATCH), early, late])
        self.assertEqual([one.name for one in load.finished_inside()], ["flood-1"])

    def test_the_plot_is_xml_and_names_every_curve(self):
        for far in (1, 1.01, 30):
            times = {arm: [4.0 * far**number, 9.0 * far**number] for number, arm in enumerate(measure.ARMS)}
            picture = xml.etree.ElementTree.fromstring(plot.draw(times, 40))
            said = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
            self.assertLessEqual(set(measure.ARMS), set(said))


def read(pieces) -> client.Answer:
    async def one_by_one():
        for piece in pieces:
            yield piece

    answer = client.Answer(sent=0)
    asyncio.run(client.read_stream(one_by_one(), answer))
    return answer


def asked(name: str, lane: str) -> Asked:
    answer = client.Answer(0, client.OK, 200, first_token=1, ended=2, prompt_tokens=7, completion_tokens=3)
    return Asked(name, lane, due=0, tokens=3, answer=answer)


def line(one: Asked) -> dict:
    return {
        "correlation_id": one.name,
        "lane": one.lane,
        "caller": ledger.CALLERS[one.lane],
        "code": "ok",
        "status": 200,
        "queue_seconds": 0.25,
        "first_token_seconds": 0.75,
        "prompt_tokens": 7,
        "completion_tokens": 3,
    }


if __name__ == "__main__":
    unittest.main()
