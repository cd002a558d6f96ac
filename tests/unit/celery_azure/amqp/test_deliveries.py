from celery_azure.amqp import frames
from celery_azure.amqp import performatives as codes
from celery_azure.amqp.deliveries import DISPOSITION_BYTES, Dispositions, OpenDeliveries
from celery_azure.amqp.frames import Frame
from celery_azure.amqp.link import Link
from celery_azure.amqp.serials import MASK


def disposition(first: int, last: int | None = None, *, from_receiver: bool = True) -> Frame:
    return Frame(codes.DISPOSITION, [from_receiver, first, last, True, None], b"")


def test_one_disposition_tells_of_all_that_is_waited_for_in_its_range() -> None:
    deliveries, one, other = OpenDeliveries(), Link("q", "q"), Link("q", "q")
    for number, link in {1: one, 2: other, 9: one}.items():
        deliveries.sent(number, link)

    told = [(link, number) for link, number, _, _ in deliveries.hear(disposition(0, 5))]

    assert told == [(one, 1), (other, 2)]
    assert deliveries


def test_what_was_sent_and_what_came_in_have_numbers_of_their_own() -> None:
    deliveries, link = OpenDeliveries(), Link("q", "q")
    deliveries.sent(1, link)
    deliveries.taken(1, link)

    [told] = deliveries.hear(disposition(1, from_receiver=False))
    assert told.outcome == frames.SETTLED

    [told] = deliveries.hear(disposition(1))
    assert not told.outcome.is_accepted
    assert not deliveries


def test_a_link_that_ends_while_a_disposition_is_heard_hears_no_more_of_it() -> None:
    deliveries, one, other = OpenDeliveries(), Link("q", "q"), Link("q", "q")
    for number, link in {1: one, 2: other, 3: one}.items():
        deliveries.sent(number, link)

    heard = []
    for link, number, _, _ in deliveries.hear(disposition(1, 3)):
        heard.append(number)
        deliveries.forget(link)

    assert heard == [1, 2]


def test_no_disposition_is_longer_than_its_outcome_and_what_is_said_to_be_around_it() -> None:
    for state in (frames.ACCEPTED, frames.dead_lettered("x" * 4096, "y" * 4096)):
        told = Dispositions()
        for number in (MASK - 1, MASK):
            told.add(number, state)
        [frame] = told.take()
        assert len(frame) <= len(state) + DISPOSITION_BYTES
