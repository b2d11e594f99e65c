"""Where people are: cities, the networks that serve them, and how long it takes to fly between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Final

EARTH_RADIUS_KM: Final = 6371.0088
CRUISE_KMH: Final = 820.0
AIRPORT_HOURS: Final = 2.5


@dataclass(frozen=True, slots=True)
class Place:
    """A city. `hours` is its offset from UTC in winter; `weight` its share of the users."""

    city: str
    country: str
    lat: float
    lon: float
    hours: float
    weight: float


@dataclass(frozen=True, slots=True)
class System:
    """An autonomous system."""

    asn: int
    name: str


PLACES: Final = tuple(
    Place(*row)
    for row in (
        ("Berlin", "DE", 52.520, 13.405, 1, 12),
        ("Munich", "DE", 48.137, 11.575, 1, 7),
        ("Hamburg", "DE", 53.551, 9.994, 1, 5),
        ("Frankfurt", "DE", 50.111, 8.682, 1, 5),
        ("London", "GB", 51.507, -0.128, 0, 9),
        ("Manchester", "GB", 53.481, -2.243, 0, 3),
        ("Paris", "FR", 48.857, 2.352, 1, 7),
        ("Lyon", "FR", 45.764, 4.836, 1, 2),
        ("Marseille", "FR", 43.296, 5.370, 1, 1),
        ("Madrid", "ES", 40.417, -3.704, 1, 4),
        ("Barcelona", "ES", 41.385, 2.173, 1, 3),
        ("Lisbon", "PT", 38.722, -9.139, 0, 1),
        ("Rome", "IT", 41.903, 12.496, 1, 2),
        ("Milan", "IT", 45.464, 9.190, 1, 3),
        ("Vienna", "AT", 48.208, 16.374, 1, 2),
        ("Zurich", "CH", 47.377, 8.542, 1, 2),
        ("Amsterdam", "NL", 52.368, 4.904, 1, 3),
        ("Brussels", "BE", 50.850, 4.352, 1, 1),
        ("Copenhagen", "DK", 55.676, 12.568, 1, 1),
        ("Stockholm", "SE", 59.329, 18.069, 1, 2),
        ("Oslo", "NO", 59.914, 10.752, 1, 1),
        ("Helsinki", "FI", 60.170, 24.941, 2, 1),
        ("Warsaw", "PL", 52.230, 21.012, 1, 3),
        ("Krakow", "PL", 50.065, 19.945, 1, 2),
        ("Prague", "CZ", 50.076, 14.438, 1, 1),
        ("Bucharest", "RO", 44.427, 26.103, 2, 2),
        ("Athens", "GR", 37.984, 23.728, 2, 1),
        ("Istanbul", "TR", 41.008, 28.978, 3, 1),
        ("Kyiv", "UA", 50.450, 30.524, 2, 1),
        ("Dublin", "IE", 53.350, -6.260, 0, 1),
        ("New York", "US", 40.713, -74.006, -5, 7),
        ("Boston", "US", 42.360, -71.059, -5, 2),
        ("Chicago", "US", 41.878, -87.630, -6, 3),
        ("Dallas", "US", 32.777, -96.797, -6, 2),
        ("Denver", "US", 39.739, -104.990, -7, 1),
        ("Seattle", "US", 47.606, -122.332, -8, 2),
        ("San Francisco", "US", 37.775, -122.419, -8, 5),
        ("Los Angeles", "US", 34.052, -118.244, -8, 3),
        ("Miami", "US", 25.762, -80.192, -5, 1),
        ("Toronto", "CA", 43.653, -79.383, -5, 2),
        ("Vancouver", "CA", 49.283, -123.121, -8, 1),
        ("Mexico City", "MX", 19.433, -99.133, -6, 1),
        ("Sao Paulo", "BR", -23.551, -46.633, -3, 2),
        ("Rio de Janeiro", "BR", -22.907, -43.173, -3, 1),
        ("Buenos Aires", "AR", -34.604, -58.382, -3, 1),
        ("Bogota", "CO", 4.711, -74.072, -5, 1),
        ("Johannesburg", "ZA", -26.204, 28.047, 2, 1),
        ("Lagos", "NG", 6.524, 3.379, 1, 1),
        ("Nairobi", "KE", -1.292, 36.822, 3, 1),
        ("Cairo", "EG", 30.044, 31.236, 2, 1),
        ("Dubai", "AE", 25.205, 55.271, 4, 1),
        ("Mumbai", "IN", 19.076, 72.878, 5.5, 3),
        ("Bengaluru", "IN", 12.972, 77.595, 5.5, 4),
        ("Delhi", "IN", 28.614, 77.209, 5.5, 1),
        ("Singapore", "SG", 1.352, 103.820, 8, 2),
        ("Jakarta", "ID", -6.209, 106.846, 7, 1),
        ("Manila", "PH", 14.600, 120.984, 8, 1),
        ("Hong Kong", "HK", 22.320, 114.169, 8, 1),
        ("Tokyo", "JP", 35.677, 139.650, 9, 3),
        ("Osaka", "JP", 34.694, 135.502, 9, 1),
        ("Seoul", "KR", 37.566, 126.978, 9, 1),
        ("Sydney", "AU", -33.869, 151.209, 10, 2),
        ("Perth", "AU", -31.952, 115.861, 8, 1),
        ("Auckland", "NZ", -36.848, 174.763, 12, 1),
    )
)
CITY: Final = {place.city: place for place in PLACES}

# Fixed lines first, the mobile carrier last.
CARRIERS: Final[dict[str, tuple[System, ...]]] = {
    country: tuple(System(*system) for system in systems)
    for country, systems in {
        "DE": ((3320, "Deutsche Telekom AG"), (3209, "Vodafone GmbH"), (6805, "Telefonica Germany")),
        "GB": ((2856, "British Telecommunications PLC"), (5089, "Virgin Media Limited"), (12576, "EE Limited")),
        "FR": ((3215, "Orange S.A."), (12322, "Free SAS"), (15557, "SFR SA")),
        "ES": ((3352, "Telefonica de Espana"), (12479, "Orange Espagne"), (12430, "Vodafone Espana")),
        "PT": ((3243, "MEO"), (12353, "Vodafone Portugal")),
        "IT": ((3269, "Telecom Italia"), (12874, "Fastweb"), (30722, "Vodafone Italia")),
        "AT": ((8447, "A1 Telekom Austria"), (8412, "T-Mobile Austria")),
        "CH": ((3303, "Swisscom"), (6730, "Sunrise")),
        "NL": ((1136, "KPN B.V."), (33915, "Vodafone Libertel"), (31615, "Odido Netherlands")),
        "BE": ((5432, "Proximus NV"), (6848, "Telenet BV")),
        "DK": ((3292, "TDC Holding"), (9158, "Telenor A/S")),
        "SE": ((3301, "Telia Sverige"), (44034, "Hi3G Access")),
        "NO": ((2119, "Telenor Norge"), (29695, "Lyse Tele")),
        "FI": ((719, "Elisa Oyj"), (1759, "Telia Finland")),
        "PL": ((5617, "Orange Polska"), (12912, "T-Mobile Polska")),
        "CZ": ((5610, "O2 Czech Republic"), (16019, "Vodafone Czech Republic")),
        "RO": ((8708, "RCS & RDS"), (12302, "Vodafone Romania")),
        "GR": ((6799, "OTE"), (3329, "Vodafone-panafon")),
        "TR": ((9121, "Turk Telekom"), (16135, "Turkcell")),
        "UA": ((6849, "Ukrtelecom"), (15895, "Kyivstar")),
        "IE": ((5466, "Eircom"), (6830, "Liberty Global"), (13280, "Three Ireland")),
        "US": ((7922, "Comcast Cable"), (7018, "AT&T Services"), (701, "Verizon Business"), (21928, "T-Mobile USA")),
        "CA": ((577, "Bell Canada"), (812, "Rogers Communications")),
        "MX": ((8151, "Uninet S.A. de C.V."), (28403, "Radiomovil Dipsa")),
        "BR": ((27699, "Telefonica Brasil"), (28573, "Claro NXT"), (26599, "Vivo Movel")),
        "AR": ((7303, "Telecom Argentina"), (22927, "Telefonica de Argentina")),
        "CO": ((10620, "Telmex Colombia"), (26611, "Comcel")),
        "ZA": ((37457, "Telkom SA"), (29975, "Vodacom")),
        "NG": ((37148, "Globacom"), (29465, "MTN Nigeria")),
        "KE": ((36914, "Wananchi"), (33771, "Safaricom")),
        "EG": ((8452, "TE Data"), (24863, "Link Egypt")),
        "AE": ((5384, "Emirates Telecommunications"), (15802, "du")),
        "IN": ((9829, "BSNL"), (24560, "Bharti Airtel"), (55836, "Reliance Jio")),
        "SG": ((9506, "Singtel Fibre"), (4773, "MobileOne")),
        "ID": ((7713, "Telekomunikasi Indonesia"), (23693, "Telkomsel")),
        "PH": ((9299, "PLDT"), (132199, "Globe Telecom")),
        "HK": ((4760, "HKT Limited"), (9231, "China Mobile Hong Kong")),
        "JP": ((4713, "NTT Communications"), (2516, "KDDI"), (17676, "SoftBank")),
        "KR": ((4766, "Korea Telecom"), (9644, "SK Telecom")),
        "AU": ((1221, "Telstra"), (4804, "Optus"), (133612, "Vodafone Australia")),
        "NZ": ((9500, "One New Zealand"), (4771, "Spark New Zealand")),
    }.items()
}
CLOUDS: Final = (
    System(16509, "Amazon.com"),
    System(396982, "Google Cloud"),
    System(8075, "Microsoft Corporation"),
    System(24940, "Hetzner Online"),
)
RENTED: Final = (System(14061, "DigitalOcean"), System(16276, "OVH SAS"), System(9009, "M247 Europe"))
ANONYMISERS: Final = (System(60068, "Datacamp Limited"), System(212238, "Datacamp VPN"), System(9009, "M247 Europe"))


def great_circle_km(here: Place, there: Place) -> float:
    """Distance on the sphere by the haversine formula, km."""
    south, north = radians(here.lat), radians(there.lat)
    rise, run = north - south, radians(there.lon - here.lon)
    chord = sin(rise / 2) ** 2 + cos(south) * cos(north) * sin(run / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def flight_hours(here: Place, there: Place) -> float:
    """Door to door by scheduled flight, hours."""
    return great_circle_km(here, there) / CRUISE_KMH + AIRPORT_HOURS
