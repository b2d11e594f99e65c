"""The token event: one thing that happened to one token, as one JSON object.

The pydantic model is the contract. It gives the JSON Schema, the error messages, and (through the column markers in
`schemas.fields`) the layout of the frame that the engine works on.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import (
    MAX_LIST_ITEMS,
    Actors,
    Code,
    CountryCode,
    EventId,
    Flags,
    GlobalId,
    Ip,
    Micros,
    Number,
    OptionalMicros,
    OptionalText,
    ScopedId,
    Scopes,
    Strings,
    UserAgent,
    VerbatimText,
)
from schemas.vocabulary import (
    AuthScheme,
    ClientType,
    EventType,
    GrantType,
    HeaderParam,
    IpRole,
    KeyUse,
    Network,
    Operation,
    Outcome,
    Reason,
    RevokeScope,
    SubjectType,
    TokenFormat,
    TokenIdKind,
    TokenLocation,
    TokenType,
    Transport,
)

NAN = float("nan")


class TokenEvent(BaseModel):
    """One token lifecycle event. (`tenant`, `iss`) scopes every id; unknown fields are ignored (decode counts them)."""

    model_config = ConfigDict(extra="ignore", frozen=True, title="Token event", allow_inf_nan=False, strict=False)

    event_id: EventId = Field(description="Unique per event; duplicates are dropped.")
    type: Annotated[EventType, Code(EventType, closed=True)] = Field(description="What happened.")
    time: Micros = Field(description="When it happened. RFC 3339 with offset, or epoch seconds or milliseconds.")
    received_at: OptionalMicros = Field(None, description="When the log's own collector received it.")
    seq: Annotated[int | None, Field(ge=0, lt=2**63), Number("int64", -1)] = Field(
        None, description="The source's own order among equal times."
    )

    tenant: OptionalText = Field(None, description="Customer or organisation the ids belong to.")
    iss: OptionalText = Field(None, description="Issuer (RFC 7519); realm, org or account id where there is none.")
    source: OptionalText = Field(None, description="Product that wrote the log.")
    observer: OptionalText = Field(None, description="Component that logged the event.")

    sub: ScopedId = Field(
        None,
        description="Subject (RFC 7519). Authenticated: never taken from a token that failed verification.",
    )
    sub_type: Annotated[SubjectType | None, Code(SubjectType)] = Field(None, description="User or service.")
    username: OptionalText = Field(None, description="Human-readable name of the subject, for display.")
    login: ScopedId = Field(None, description="Keyed hash of the identifier that was submitted.")
    claimed_sub: OptionalText = Field(
        None, description="Unverified subject of a bad token; display only, keys no state."
    )

    client_id: ScopedId = Field(None, description="OAuth client.")
    client_type: Annotated[ClientType | None, Code(ClientType)] = Field(None, description="Public or confidential.")
    token_id: ScopedId = Field(None, description="Id of the token; on refresh the new refresh token.")
    token_id_kind: Annotated[TokenIdKind | None, Code(TokenIdKind)] = Field(
        None, description="jti, keyed hash or vendor id; ids join within a kind."
    )
    token_type: Annotated[TokenType | None, Code(TokenType)] = Field(None, description="Role of the token.")

    family_id: ScopedId = Field(None, description="Refresh token family.")
    parent_id: ScopedId = Field(None, description="On refresh: the redeemed token.")
    generation: Annotated[int | None, Field(ge=0, lt=2**31), Number("int32", -1)] = Field(
        None, description="Rotation counter of the token of this event."
    )
    latest_generation: Annotated[int | None, Field(ge=0, lt=2**31), Number("int32", -1)] = Field(
        None, description="Newest generation the server knows."
    )
    rotated: Annotated[bool | None, Number("int8", -1)] = Field(
        None, description="False where the server keeps the same refresh token."
    )
    txn_id: ScopedId = Field(None, description="Ties the events of one token response together.")
    grant_id: ScopedId = Field(None, description="Grant or consent.")
    session_id: ScopedId = Field(None, description="Login session.")
    grant_type: Annotated[GrantType | None, Code(GrantType)] = Field(None, description="OAuth grant.")
    subject_token_id: ScopedId = Field(None, description="Token exchange: the token that was exchanged.")
    actor: Actors = Field(None, description="Token exchange: who acts, outermost first.")

    key_id: ScopedId = Field(None, description="`kid` or KMS key.")
    key_version: OptionalText = Field(None, description="Version of the key.")
    key_use: Annotated[KeyUse | None, Code(KeyUse)] = Field(None, description="JWK use.")
    alg: VerbatimText = Field(None, description="JWA algorithm; `none` is one.")
    enc: OptionalText = Field(None, description="JWA content encryption.")
    token_format: Annotated[TokenFormat | None, Code(TokenFormat)] = Field(None, description="JOSE serialisation.")
    key_bits: Annotated[int | None, Field(ge=0, lt=2**31), Number("int32", -1)] = Field(
        None, description="Key size in bits."
    )
    header_params: Annotated[list[HeaderParam] | None, Field(max_length=MAX_LIST_ITEMS), Flags(HeaderParam)] = Field(
        None, description="JOSE header parameters that bring a key along."
    )
    operation: Annotated[Operation | None, Code(Operation)] = Field(
        None, description="On key-use: what the key or token was used for."
    )
    outcome: Annotated[Outcome | None, Code(Outcome)] = Field(None, description="On key-use: result.")
    count: Annotated[int | None, Field(ge=1, lt=2**53), Number("int64", 1)] = Field(
        None, description="Events this record stands for."
    )
    sample_rate: Annotated[float | None, Field(gt=0, le=1), Number("float64", 1.0)] = Field(
        None, description="Share of events the source logs."
    )

    aud: Strings = Field(None, description="Audience.")
    resource_server: OptionalText = Field(None, description="Who accepted or refused the token.")
    scope: Scopes = Field(None, description="Granted scope; a string is split at spaces.")
    requested_scope: Scopes = Field(None, description="Scope that was asked for.")
    required_scope: Scopes = Field(None, description="Scope the resource needs.")
    iat: OptionalMicros = Field(None, description="Issued at.")
    nbf: OptionalMicros = Field(None, description="Not before.")
    exp: OptionalMicros = Field(None, description="Expires at.")
    idle_exp: OptionalMicros = Field(None, description="Expires when idle.")
    auth_time: OptionalMicros = Field(None, description="Time of the interactive authentication.")
    acr: OptionalText = Field(None, description="Authentication context class.")
    amr: Strings = Field(None, description="Authentication methods, RFC 8176.")

    ip: Ip = Field(None, description="Address of whoever presented the token.")
    ip_role: Annotated[IpRole | None, Code(IpRole)] = Field(None, description="Whose address it is.")
    asn: Annotated[int | None, Field(ge=0, lt=2**32), Number("int64", -1)] = Field(
        None, description="Autonomous system number."
    )
    as_org: OptionalText = Field(None, description="Name of the autonomous system.")
    country: CountryCode = Field(None, description="ISO 3166-1 alpha-2.")
    city: OptionalText = Field(None, description="City.")
    lat: Annotated[float | None, Field(ge=-90, le=90), Number("float64", NAN)] = Field(
        None, description="Latitude, degrees."
    )
    lon: Annotated[float | None, Field(ge=-180, le=180), Number("float64", NAN)] = Field(
        None, description="Longitude, degrees."
    )
    accuracy_km: Annotated[float | None, Field(ge=0, le=20_038), Number("float64", NAN)] = Field(
        None, description="Radius of the place, km."
    )
    network: Annotated[list[Network] | None, Field(max_length=MAX_LIST_ITEMS), Flags(Network)] = Field(
        None, description="Properties of the network."
    )
    user_agent: UserAgent = Field(None, description="User agent; cut at 1 024 characters.")
    device_id: ScopedId = Field(None, description="Device.")
    ja4: GlobalId = Field(None, description="JA4 TLS client fingerprint.")

    cnf: ScopedId = Field(None, description="Thumbprint the token is bound to (DPoP or mTLS).")
    presented_cnf: ScopedId = Field(None, description="Thumbprint of the key that was presented.")
    auth_scheme: Annotated[AuthScheme | None, Code(AuthScheme)] = Field(
        None, description="How the token was presented."
    )

    reason: Annotated[Reason | None, Code(Reason)] = Field(None, description="On verify-failure and revoke: why.")
    reason_raw: OptionalText = Field(None, description="The vendor's own word for the reason.")
    revoke_scope: Annotated[RevokeScope | None, Code(RevokeScope)] = Field(
        None, description="On revoke: how much it covers."
    )
    effective_at: OptionalMicros = Field(None, description="On revoke: from when.")
    token_location: Annotated[TokenLocation | None, Code(TokenLocation)] = Field(
        None, description="Where in the request the token travelled."
    )
    transport: Annotated[Transport | None, Code(Transport)] = Field(None, description="Transport it travelled over.")
    claims: Strings = Field(None, description="Names of the claims present, never their values.")
    vendor_event_id: OptionalText = Field(None, description="Id of the record at its source.")
