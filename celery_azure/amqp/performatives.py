"""What the performatives of AMQP are called, and what is read of them.

Source: OASIS AMQP 1.0, 2.7 (performatives), 2.8 (error), 3.4 (states of a delivery), 5.3.3 (SASL).
"""

from __future__ import annotations

from celery_azure.amqp.composites import (
    ANYTHING,
    BINARY,
    DESCRIBED,
    FLAG,
    MAP,
    SYMBOLS,
    TEXT,
    UBYTE,
    UINT,
    ULONG,
    USHORT,
    Catalogue,
    Composite,
)

OPEN, BEGIN, ATTACH, FLOW, TRANSFER = 0x10, 0x11, 0x12, 0x13, 0x14
DISPOSITION, DETACH, END, CLOSE = 0x15, 0x16, 0x17, 0x18
SASL_MECHANISMS, SASL_INIT, SASL_OUTCOME = 0x40, 0x41, 0x44
RECEIVED_CODE, ACCEPTED_CODE, REJECTED_CODE = 0x23, 0x24, 0x25

PERFORMATIVES = {
    composite.code: composite
    for composite in (
        Composite(
            OPEN,
            "amqp:open:list",
            {
                "container-id": TEXT,
                "hostname": TEXT,
                "max-frame-size": UINT,
                "channel-max": USHORT,
                "idle-time-out": UINT,
            },
        ),
        Composite(
            BEGIN,
            "amqp:begin:list",
            {
                "remote-channel": USHORT,
                "next-outgoing-id": UINT,
                "incoming-window": UINT,
                "outgoing-window": UINT,
                "handle-max": UINT,
            },
            ["next-outgoing-id", "incoming-window"],
        ),
        Composite(
            ATTACH,
            "amqp:attach:list",
            {
                "name": TEXT,
                "handle": UINT,
                "role": FLAG,
                "snd-settle-mode": UBYTE,
                "rcv-settle-mode": UBYTE,
                "source": DESCRIBED,
                "target": DESCRIBED,
                "unsettled": MAP,
                "incomplete-unsettled": FLAG,
                "initial-delivery-count": UINT,
                "max-message-size": ULONG,
            },
            ["name", "handle", "role"],
        ),
        Composite(
            FLOW,
            "amqp:flow:list",
            {
                "next-incoming-id": UINT,
                "incoming-window": UINT,
                "next-outgoing-id": UINT,
                "outgoing-window": UINT,
                "handle": UINT,
                "delivery-count": UINT,
                "link-credit": UINT,
                "available": UINT,
                "drain": FLAG,
                "echo": FLAG,
            },
            ["incoming-window"],
        ),
        Composite(
            TRANSFER,
            "amqp:transfer:list",
            {
                "handle": UINT,
                "delivery-id": UINT,
                "delivery-tag": BINARY,
                "message-format": UINT,
                "settled": FLAG,
                "more": FLAG,
                "rcv-settle-mode": UBYTE,
                "state": DESCRIBED,
                "resume": FLAG,
                "aborted": FLAG,
            },
            ["handle"],
        ),
        Composite(
            DISPOSITION,
            "amqp:disposition:list",
            {"role": FLAG, "first": UINT, "last": UINT, "settled": FLAG, "state": DESCRIBED},
            ["role", "first"],
        ),
        Composite(
            DETACH,
            "amqp:detach:list",
            {"handle": UINT, "closed": FLAG, "error": DESCRIBED},
            ["handle"],
        ),
        Composite(END, "amqp:end:list", {"error": DESCRIBED}),
        Composite(CLOSE, "amqp:close:list", {"error": DESCRIBED}),
        Composite(
            SASL_MECHANISMS,
            "amqp:sasl-mechanisms:list",
            {"sasl-server-mechanisms": SYMBOLS},
            ["sasl-server-mechanisms"],
        ),
        Composite(SASL_OUTCOME, "amqp:sasl-outcome:list", {"code": UBYTE}, ["code"]),
    )
}
ERROR = Composite(
    0x1D,
    "amqp:error:list",
    {"condition": TEXT, "description": TEXT, "info": ANYTHING},
    ["condition"],
)
STATES = Catalogue(
    {
        RECEIVED_CODE: "amqp:received:list",
        ACCEPTED_CODE: "amqp:accepted:list",
        REJECTED_CODE: "amqp:rejected:list",
        0x26: "amqp:released:list",
        0x27: "amqp:modified:list",
        0x33: "amqp:declared:list",
        0x34: "amqp:transactional-state:list",
    }
)
FRAMES = Catalogue(
    {code: composite.name for code, composite in PERFORMATIVES.items()},
    missing="a frame without a performative",
)
ERRORS = Catalogue({ERROR.code: ERROR.name})
