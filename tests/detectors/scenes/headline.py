"""Scenes of the mixed stream for the headline detectors, amid the working days of its people."""

from __future__ import annotations

from typing import Final

from tests.detectors.writer import DAY, DAYS, HOUR, MINUTE, PLACES, SECOND, Person, Writer, elsewhere

HOSTILE: Final = (
    "'; DROP TABLE alerts; --",
    "<script>alert(1)</script>",
    "={1+1}",
    "\u202egnp.exe",
    "\U0001f600" * 60,
    "a" * 256,
    "{sub} %s \n\r\t",
    "ключ",
)
STRANGERS: Final = ("", "-", "null", "unknown", "anonymous", "N/A")


def benign(writer: Writer, everyone: list[Person]) -> None:
    """A working day of each user, nine times: sign in, use, refresh, mistype, sign out."""
    for day in range(DAYS):
        for person in everyone:
            at = day * DAY + 8 * HOUR + writer.rng.randrange(0, 50 * MINUTE) // SECOND * SECOND
            if writer.rng.random() < 0.2:
                writer.fail(person, at - 20 * SECOND)
            writer.login(person, at)
            for step in range(1, 4):
                writer.use(person, at + step * 7 * MINUTE, count=writer.rng.choice((None, None, 3)))
                writer.refresh(person, at + step * 20 * MINUTE)
                writer.use(person, at + step * 20 * MINUTE)
            if writer.rng.random() < 0.3:
                writer.add(at + 61 * MINUTE, "revoke", **person.base(), reason="logout", revoke_scope="session")


def failures(writer: Writer, everyone: list[Person]) -> None:
    """Guessing in all its shapes, across an hour's boundary, then success."""
    at = (DAYS - 1) * DAY + 11 * HOUR + 57 * MINUTE
    place = elsewhere(writer.rng, 10)
    for i in range(45):
        writer.fail(everyone[0], at + i * 6 * SECOND, **place)
    writer.login(Person(**{**vars(everyone[0]), "home": place}), at + 6 * MINUTE)
    for i in range(40):
        writer.fail(everyone[1], at + i * 20 * SECOND, **elsewhere(writer.rng, 20 + i % 9))
    spray = elsewhere(writer.rng, 30)
    for i in range(60):
        reason = "unknown-subject" if i % 20 > 7 else "bad-credentials"
        writer.fail(everyone[i % 20], at + i * 30 * SECOND, reason, **spray)
    stuffing = elsewhere(writer.rng, 31)
    for i in range(60):
        names = {"sub": None, "login": f"leaked-{i}", "session_id": None}
        writer.fail(everyone[2], at + i * 8 * SECOND, "unknown-subject", **stuffing | names)
    for i in range(30):
        writer.fail(everyone[3], at + i * 9 * SECOND, "invalid-client", **elsewhere(writer.rng, 32) | {"sub": None})
    for i in range(8):
        writer.fail(everyone[4], at + i * 40 * SECOND, "mfa-denied")
    writer.login(everyone[4], at + 8 * 40 * SECOND)
    for i in range(60):
        probe = {"token_id": f"probe-{i % 5}", "key_id": f"kid-{i % 2}", "sub": None}
        writer.fail(everyone[5], at + i * 4 * SECOND, ("bad-signature", "malformed", "expired")[i % 3], **probe)
    for i in range(70):
        writer.fail(everyone[6], at + i * MINUTE, sub_type="service")
    for i in range(24):
        writer.fail(everyone[i % 24], at - 23 * HOUR + i * HOUR, **elsewhere(writer.rng, 33) | {"ip": "203.0.33.3"})


def thefts(writer: Writer, everyone: list[Person]) -> None:
    """Spent refresh tokens that come back: from thieves, tabs and broken clients, early, late and out of order."""
    for number, person in enumerate(everyone):
        at = (DAYS - 1 - number % 2) * DAY + 14 * HOUR + number * 97 * SECOND
        writer.login(person, at)
        spent = person.token
        writer.refresh(person, at + 30 * MINUTE)
        again = {"parent_id": spent, "token_id": f"r-again-{person.name}"}
        match number % 8:
            case 0:
                writer.refresh(person, at + 40 * MINUTE)
                writer.refresh(person, at + 45 * MINUTE, **elsewhere(writer.rng, 40) | again)
            case 1:
                writer.refresh(person, at + 30 * MINUTE + 2 * SECOND, **again)
            case 2:
                writer.refresh(person, at + 50 * MINUTE, **again)
            case 3:
                writer.refresh(person, at + 40 * MINUTE)
                writer.refresh(person, at + 50 * MINUTE)
                writer.refresh(person, at + 55 * MINUTE, **again)
            case 4:
                reuse = {"token_id": spent, "token_type": "refresh", "family_id": f"f-{person.name}-{person.family}"}
                writer.fail(person, at + 55 * MINUTE, "reused", **elsewhere(writer.rng, 41) | reuse)
            case 5:
                writer.refresh(person, at + 30 * MINUTE, **elsewhere(writer.rng, 42) | again)
                writer.refresh(person, at + 35 * MINUTE)
            case 6:
                bare = {"device_id": None, "user_agent": None, "asn": None, "country": None}
                writer.refresh(person, at + 50 * MINUTE, **again | bare)
            case 7:
                writer.refresh(person, at + 30 * MINUTE - SECOND)


def travels(writer: Writer, everyone: list[Person]) -> None:
    """The same token an ocean away minutes later, once and back, and a switching session."""
    for number in range(0, len(everyone), 3):
        person = everyone[number]
        at = (DAYS - 1) * DAY + 16 * HOUR + number * 50 * SECOND
        away = elsewhere(writer.rng, 50 + number)
        writer.login(person, at)
        for step in range(1, 5):
            writer.use(person, at + step * 3 * MINUTE, **(away if step % 2 else {}))


def spikes(writer: Writer, everyone: list[Person]) -> None:
    """One user, one key and one token far above their habit, partly as aggregated records."""
    at = (DAYS - 1) * DAY + 18 * HOUR + 55 * MINUTE
    for i in range(400):
        writer.use(everyone[8], at + i * SECOND, count=20 if i % 10 == 0 else None)
    for i in range(150):
        writer.use(everyone[9], at + i * 2 * SECOND, key_id="kid-9", operation="sign", sample_rate=0.5)


def services(writer: Writer, everyone: list[Person]) -> None:
    """Services that report their calls by the hour: one falls silent, one gets a new key, one has grown, three rush."""
    for hour in range(DAYS * 24):
        for number in range(6):
            at = hour * HOUR + (7 + 8 * number) * MINUTE
            last_day = hour - (DAYS - 1) * 24
            key = "b" if number == 1 and last_day >= 5 else "a"
            calls = writer.rng.randrange(50, 70) * (5 if number == 2 and hour >= 5 * 24 else 1)
            if number != 0 or last_day < 6:
                service(writer, everyone[0], number, key, at, calls)
    rush = (DAYS - 1) * DAY + 21 * HOUR
    for i in range(60):
        service(writer, everyone[0], 2 + i % 4, "a", rush + i * 5 * SECOND, 90)


def service(writer: Writer, person: Person, number: int, key: str, at: int, calls: int) -> None:
    """One record of a service's calls."""
    names = {"tenant": person.tenant, "iss": person.iss, "client_id": f"svc-{number}", "sub": f"svc-{number}"}
    used = {"key_id": f"svc-{number}-{key}", "operation": "authenticate", "outcome": "success", "count": calls}
    writer.add(at, "key-use", **names | used, sub_type="service", token_type="api-key")


def strangers(writer: Writer, everyone: list[Person]) -> None:
    """Unrelated events whose names are placeholders, null or hostile."""
    at = (DAYS - 1) * DAY + 20 * HOUR
    for i in range(300):
        name = STRANGERS[i % len(STRANGERS)]
        nobody = dict.fromkeys(("sub", "client_id", "device_id", "session_id", "ip", "token_id", "login"), name)
        kind = ("verify-failure", "refresh", "key-use", "issue")[i % 4]
        fields = {"reason": "bad-credentials"} if kind == "verify-failure" else {"parent_id": name, "family_id": name}
        place = {"country": PLACES[i % 4][0], "lat": PLACES[i % 4][1], "lon": PLACES[i % 4][2], "asn": PLACES[i % 4][3]}
        writer.add(at + i * SECOND, kind, tenant="acme", iss="https://id.acme", **nobody | fields | place)
    for i, name in enumerate(HOSTILE * 12):
        person = Person(**{**vars(everyone[i % 24]), "name": name[:240], "device": name, "client": name})
        person.home = person.home | {"ip": f"198.51.100.{i % 7}"}
        writer.fail(person, at + i * 5 * SECOND, login=name, claimed_sub=name, username=name)


SCENES: Final = (benign, failures, thefts, travels, spikes, services, strangers)
