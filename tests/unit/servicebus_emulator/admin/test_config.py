import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicebus_emulator.admin.config import ConfigError, parse_config
from servicebus_emulator.admin.durations import format_duration
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.rules import CorrelationFilter, SqlFilter

OFFICIAL = """
{ // as the official emulator documents it
  "UserConfig": {
    "Namespaces": [
      {
        "Name": "sbemulatorns",
        "Queues": [
          {
            "Name": "queue.1",
            "Properties": {
              "DeadLetteringOnMessageExpiration": false,
              "DefaultMessageTimeToLive": "PT1H",
              "DuplicateDetectionHistoryTimeWindow": "PT20S",
              "ForwardDeadLetteredMessagesTo": "",
              "ForwardTo": "", /* "nobody" */
              "LockDuration": "PT1M",
              "MaxDeliveryCount": 3,
              "RequiresDuplicateDetection": false,
              "RequiresSession": false
            }
          },
          { "Name": "slash//free" }
        ],
        "Topics": [
          {
            "Name": "topic.1",
            "Properties": { "DuplicateDetectionHistoryTimeWindow": "PT20S" },
            "Subscriptions": [
              { "Name": "subscription.1", "Properties": { "MaxDeliveryCount": 3 } },
              {
                "Name": "subscription.2",
                "Rules": [
                  {
                    "Name": "app-prop-filter-1",
                    "Properties": {
                      "FilterType": "Correlation",
                      "CorrelationFilter": {
                        "ContentType": "application/text",
                        "Label": "subject1",
                        "Properties": { "prop1": "value1" }
                      }
                    }
                  }
                ]
              },
              {
                "Name": "subscription.3",
                "Rules": [
                  {
                    "Name": "sql-filter-1",
                    "Properties": {
                      "FilterType": "Sql",
                      "SqlFilter": { "SqlExpression": "sys.MessageId = '123456'" },
                      "Action": { "SqlExpression": "SET sys.To = 'Entity'" }
                    }
                  }
                ]
              }
            ]
          }
        ]
      }
    ],
    "Logging": { "Type": "File" }
  }
}
""".replace("slash//free", "queue.2")


def config(queue: Any = None, **namespace: Any) -> str:
    queues = [] if queue is None else [queue]
    names = {"Name": "n", "Queues": queues} | namespace
    return json.dumps({"UserConfig": {"Namespaces": [names]}})


def topic(*subscriptions: Any) -> str:
    return config(Topics=[{"Name": "t", "Subscriptions": subscriptions}])


def rule(**properties: Any) -> str:
    return topic({"Name": "s", "Rules": [{"Name": "r", "Properties": properties}]})


def test_the_official_file_is_read_unchanged() -> None:
    parsed = parse_config(OFFICIAL)

    first, second = parsed.queues.values()
    assert parsed.name == "sbemulatorns"
    assert list(parsed.queues) == ["queue.1", "queue.2"]
    assert (first.lock_duration, first.max_delivery_count) == (60.0, 3)
    assert (first.default_message_time_to_live, first.forward_to) == (3600.0, None)
    assert second.max_delivery_count == 10


def test_topics_come_with_their_subscriptions_and_rules() -> None:
    [topic] = parse_config(OFFICIAL).topics.values()
    first, second, third = topic.subscriptions.values()

    assert topic.description.duplicate_detection_history_time_window == 20.0
    assert (first.description.max_delivery_count, first.rules) == (3, ())
    [correlating] = second.rules
    assert correlating.filter == CorrelationFilter(
        {"ContentType": "application/text", "Subject": "subject1"}, {"prop1": "value1"}
    )
    [rule] = third.rules
    assert isinstance(rule.filter, SqlFilter)
    assert rule.filter.text == "sys.MessageId = '123456'"
    assert rule.action is not None
    assert rule.action.text == "SET sys.To = 'Entity'"


def test_the_filter_that_is_there_counts_when_its_type_is_not_named_right() -> None:
    properties = {"FilterType": "Sql", "CorrelationFilter": {"Label": "x"}}
    subscription = {"Name": "s", "Rules": [{"Name": "r", "Properties": properties}]}
    parsed = parse_config(config(Topics=[{"Name": "t", "Subscriptions": [subscription]}]))

    [rule] = parsed.topics["t"].subscriptions["s"].rules
    assert rule.filter == CorrelationFilter({"Subject": "x"})


def test_a_namespace_may_have_neither_queues_nor_topics() -> None:
    assert parse_config(config(Queues=None)).queues == {}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert parse_config("\ufeff" + OFFICIAL) == parse_config(OFFICIAL)


def test_what_looks_like_a_comment_in_a_string_is_kept() -> None:
    assert parse_config(config(Name='a//b /* c */ \\" d')).name == 'a//b /* c */ \\" d'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1, column 1"),
        ("{\n/* x\n y */ ?}", "line 3, column 7"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "an object is expected"),
        ("{}", "UserConfig: missing"),
        ('{"UserConfig": {}, "More": 1}', "'More' is unknown; known are UserConfig"),
        ('{"UserConfig": {"Namespaces": []}}', "exactly one namespace"),
        (config(Name=None), r"Namespaces\[0\].Name: missing"),
        (config(Relays=[]), "'Relays' is unknown"),
        (config(Queues=5), r"Namespaces\[0\].Queues: missing, or not of the type list"),
        (config(Queues={}), r"Namespaces\[0\].Queues: missing, or not of the type list"),
        (config(Topics="news"), r"Namespaces\[0\].Topics: missing, or not of the type list"),
        ("9" * 5000, "number in it is too long"),
        (config(Name="\ud800"), "a text in it has half a character"),
        (config({"Name": "q", "Colour": 1}), r"Queues\[0\].Colour: 'Colour' is unknown"),
        (config({"Name": "q", "Properties": {"Colour": 1}}), "Properties.Colour: 'Colour' is"),
        (config({"Name": "-"}), r"Queues\[0\].Name: '-' is no valid entity name"),
        (config(Queues=[{"Name": "q"}, {"Name": "Q"}]), "another one named 'Q'"),
        (config({"Name": "q"}, Topics=[{"Name": "Q"}]), r"Topics\[0\].Name: there is another"),
        (topic({"Name": "s/t"}), r"Subscriptions\[0\].Name: 's/t' is no valid name"),
        (topic({"Name": "s"}, {"Name": "S"}), r"Subscriptions\[1\].Name: there is another"),
        (rule(), r"Rules\[0\].Properties: a SqlFilter or a CorrelationFilter is missing"),
        (rule(FilterType=["Sql"]), "FilterType: 'Sql' or 'Correlation' is expected"),
        (rule(FilterType="Xml"), "FilterType: 'Sql' or 'Correlation' is expected"),
        (rule(SqlFilter={"SqlExpression": "a ="}), "Properties: The name of a property is exp"),
        (rule(SqlFilter={}), "SqlFilter.SqlExpression: missing"),
        (rule(CorrelationFilter={}), "needs at least one property"),
        (rule(CorrelationFilter={"To": 5}), "CorrelationFilter.To: missing, or not of the type"),
        (rule(CorrelationFilter={"To": ["x"]}), "CorrelationFilter.To: missing, or not of the"),
        (rule(CorrelationFilter={"Properties": {"a": []}}), "Properties.a: a text, a number, true"),
        (rule(CorrelationFilter={"Properties": {"a": 2**63}}), "Properties.a: a text, a number"),
        (rule(CorrelationFilter={"Properties": 5}), "CorrelationFilter.Properties: an object"),
        ('{\n"UserConfig":\n{"Namespaces": [\n{"Name": 5}]}}', "^line 4, "),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ConfigError, match=where):
        parse_config(text)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("LockDuration", "1 minute", "no ISO 8601 duration"),
        ("LockDuration", 60, "a string is expected"),
        ("LockDuration", "PT10M", "LockDuration must be"),
        ("MaxDeliveryCount", "3", "a whole number is expected"),
        ("MaxDeliveryCount", True, "a whole number is expected"),
        ("RequiresSession", "no", "true or false is expected"),
    ],
)
def test_a_property_that_cannot_be_kept_is_refused(key: str, value: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_config(config({"Name": "q", "Properties": {key: value}}))


NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)
DESCRIPTIONS = st.builds(
    QueueDescription,
    lock_duration=st.integers(1, 300).map(float),
    max_delivery_count=st.integers(1, 2000),
    default_message_time_to_live=st.integers(1, 10**8).map(float),
    dead_lettering_on_message_expiration=st.booleans(),
)
COMMENTS = st.sampled_from(["", " ", "\n", '// "{ */\n', '/* // " } \n */', "/**/"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def written(name: str, description: QueueDescription) -> dict[str, Any]:
    properties = {
        "LockDuration": format_duration(description.lock_duration),
        "MaxDeliveryCount": description.max_delivery_count,
        "DefaultMessageTimeToLive": format_duration(description.default_message_time_to_live),
        "DeadLetteringOnMessageExpiration": description.dead_lettering_on_message_expiration,
    }
    return {"Name": name, "Properties": properties}


@given(st.dictionaries(NAMES.map(str.lower), DESCRIPTIONS, max_size=4), COMMENTS)
def test_queues_are_read_as_they_were_written(
    queues: dict[str, QueueDescription], comment: str
) -> None:
    text = config(Queues=[written(*item) for item in queues.items()])
    commented = "".join(f"{comment}{line}{comment}" for line in text.partition(", "))

    assert parse_config(commented).queues == queues


@given(
    st.text()
    | JSON.map(json.dumps)
    | JSON.map(config)
    | JSON.map(lambda value: config(Queues=value, Topics=value))
    | JSON.map(topic)
    | JSON.map(lambda value: rule(SqlFilter=value, Action=value))
    | JSON.map(lambda value: rule(FilterType="Correlation", CorrelationFilter=value))
    | JSON.map(lambda value: config({"Name": "q", "Properties": value}))
    | st.tuples(st.sampled_from(["LockDuration", "MaxDeliveryCount", "ForwardTo"]), JSON).map(
        lambda item: config({"Name": "q", "Properties": dict([item])})
    )
)
def test_any_text_is_a_valid_configuration_or_a_configuration_error(text: str) -> None:
    try:
        parsed = parse_config(text)
    except ConfigError:
        return
    for description in parsed.queues.values():
        description.validate()
