"""The pilot programme as data: areas, sites, choirs, rooms, and what happens when. `demo_data.py` loads it.

Places and organisations are those of the real programme; choirs, communities and dates are invented, and so are the
members of teams (`people.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Area:
    """A node of the administrative tree."""

    code: str
    parent: str | None
    level: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Place:
    """A site to be."""

    area: str
    name_zh: str
    name_en: str
    address: str = ""


@dataclass(frozen=True)
class Room:
    """A room of the pilot site."""

    name_zh: str
    name_en: str
    capacity: int


@dataclass(frozen=True)
class Slot:
    """A shift to be, `day` days after the day of loading, at a wall-clock time of the site."""

    day: int
    start: time
    minutes: int
    capacity: int
    role_zh: str = "参与者"
    role_en: str = "participant"

    def starts_at(self, today: date) -> datetime:
        """When it starts."""
        return datetime.combine(today + timedelta(days=self.day), self.start, ZONE)

    def ends_at(self, today: date) -> datetime:
        """When it ends."""
        return self.starts_at(today) + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Plan:
    """An activity to be. `room` and `team` are Chinese names; a title is unique within its site."""

    kind: str
    title_zh: str
    title_en: str
    place: str
    description_zh: str
    description_en: str
    slots: Sequence[Slot] = field(repr=False)
    volunteering: bool = False
    risks_zh: str = ""
    risks_en: str = ""
    room: str | None = None
    team: str | None = None
    minimum_age: int | None = None


# -- where ---------------------------------------------------------------------------------------------------------

# Codes down to the district are those of GB/T 2260. Those below it (nine and twelve digits, in the manner of the
# statistical codes) are demo codes, and the names of the communities are invented: put your own in their place.
PROVINCE = Area("140000", None, "province", "山西省", "Shanxi Province")
CITY = Area("140100", "140000", "city", "太原市", "Taiyuan")
DISTRICT = Area("140107", "140100", "district", "杏花岭区", "Xinghualing District")
SUBDISTRICT = Area("140107007", "140107", "subdistrict", "职工新街街道", "Zhigong Xinjie Subdistrict")

COMMUNITY_NAMES = (
    ("晨光", "Chenguang"), ("和顺", "Heshun"), ("新苑", "Xinyuan"), ("槐荫", "Huaiyin"), ("长乐", "Changle"),
    ("锦绣", "Jinxiu"), ("安泰", "Antai"), ("春熙", "Chunxi"), ("明德", "Mingde"),
)  # fmt: skip
COMMUNITIES = [
    Area(f"{SUBDISTRICT.code}{number:03d}", SUBDISTRICT.code, "community", f"{zh}社区", f"{en} Community")
    for number, (zh, en) in enumerate(COMMUNITY_NAMES, start=1)
]
AREAS = [PROVINCE, CITY, DISTRICT, SUBDISTRICT, *COMMUNITIES]

PILOT = Place(
    SUBDISTRICT.code, "赛马场区域党群服务中心", "Saimachang Area Service Centre", "太原市杏花岭区职工新街街道"
)
COMMUNITY_SITES = [
    Place(area.code, f"{area.name_zh}党群服务站", f"{area.name_en} Service Station") for area in COMMUNITIES
]

# -- who, and in which room ------------------------------------------------------------------------------------------

CHOIRS = [
    ("晨曦合唱团", "Morning Glow Choir"), ("汾水谣合唱团", "Song of the Fen Choir"),
    ("银杏合唱团", "Ginkgo Choir"), ("百灵合唱团", "Lark Choir"), ("松涛合唱团", "Sounding Pines Choir"),
    ("山丹合唱团", "Red Lily Choir"), ("和风合唱团", "Gentle Wind Choir"), ("远帆合唱团", "Far Sail Choir"),
    ("金秋合唱团", "Golden Autumn Choir"), ("小雨点童声合唱团", "Raindrops Children's Choir"),
]  # fmt: skip
VOLUNTEERS = ("暖阳红声合唱志愿服务队", "Warm Sun Red Voices Volunteer Team")

ROOMS = [
    Room("一号排练厅", "Rehearsal Room 1", 60),
    Room("二号排练厅", "Rehearsal Room 2", 40),
    Room("多功能厅", "Main Hall", 300),
    Room("指尖课堂教室", "Smartphone Classroom", 30),
]

# -- what happens ----------------------------------------------------------------------------------------------------


def weekly(
    first_day: int, start: time, minutes: int, capacity: int, role: tuple[str, str], weeks: int = 4
) -> list[Slot]:
    """The same slot, week after week."""
    return [Slot(first_day + 7 * week, start, minutes, capacity, *role) for week in range(weeks)]


def appointments(day: int, start: time, count: int, minutes: int, capacity: int, role: tuple[str, str]) -> list[Slot]:
    """Slots one after another."""
    begin = datetime.combine(date.min, start)
    starts = [(begin + timedelta(minutes=minutes * number)).time() for number in range(count)]
    return [Slot(day, at, minutes, capacity, *role) for at in starts]


DONORS_FROM = 18
"""Years of age: whoever is younger may not give blood."""


def blood_drive() -> Plan:
    """Appointments to give blood. A donation is a gift, not service: it earns no hours."""
    return Plan(
        "blood_drive", "我为青春献热血", "Give Blood for Youth", f"{PILOT.name_zh}广场",
        "无偿献血，请按时段预约。主办：职工新街街道、山西省青年志愿者协会；协同：杏花岭区青年志愿者协会。"
        "献血前请正常进食、充足睡眠；年满 18 周岁。",
        "Voluntary blood donation by appointment. Hosts: Zhigong Xinjie Subdistrict and the provincial young "
        "volunteers' association. Eat and sleep well before; donors are 18 or older.",
        appointments(7, time(9, 0), count=12, minutes=15, capacity=8, role=("献血者", "donor")),
        minimum_age=DONORS_FROM,
    )  # fmt: skip


def eye_clinic() -> Plan:
    """Appointments with the oculists."""
    return Plan(
        "clinic", "爱尔眼科免费义诊", "Free Eye Clinic", PILOT.name_zh,
        "爱尔眼科医生免费检查视力与眼底，请按时段预约。",
        "Doctors of Aier Eye Hospital check eyesight and fundus free of charge, by appointment.",
        appointments(8, time(14, 0), count=8, minutes=20, capacity=6, role=("受检者", "visitor")),
        room="多功能厅",
    )  # fmt: skip


def rehearsals() -> list[Plan]:
    """Every choir once a week: five evenings, two rooms, so that none are in each other's way."""
    plans = []
    for number, (zh, en) in enumerate(CHOIRS):
        room = ROOMS[number // 5]
        slots = weekly(1 + number % 5, time(19, 0), 120, room.capacity, ("团员", "singer"))
        plan = Plan(
            "rehearsal", f"{zh}每周排练", f"{en}: weekly rehearsal", f"{PILOT.name_zh}{room.name_zh}",
            "合唱团每周排练，欢迎旁听。", "The choir's weekly rehearsal; listeners are welcome.", slots,
            room=room.name_zh, team=zh,
        )  # fmt: skip
        plans.append(plan)
    return plans


def smartphone_class(place: str, day: int, room: str | None = None) -> Plan:
    """Attending a class is not volunteering."""
    return Plan(
        "class", "指尖科普课堂", "Smartphone Class", place,
        "教老年人使用智能手机：挂号、乘车、视频通话、防诈骗。请自带手机。",
        "Smartphones for older people: appointments, buses, video calls, fraud. Please bring your own.",
        weekly(day, time(9, 30), 90, 30, ("学员", "learner")), room=room,
    )  # fmt: skip


def elder_visits(place: str, day: int) -> Plan:
    """Volunteers sign up for a round. Who is visited is told to them alone and stands nowhere in an activity."""
    return Plan(
        "visit", "暖阳探访", "Visits to Elders", place,
        "两人一组探访独居老人，协助建立健康档案。集合后由社区工作者分组；请为受访者保密。",
        "In pairs to elders who live alone, to talk and to help with their health records. Groups are formed at the "
        "meeting point; what you see and hear stays with you.",
        weekly(day, time(15, 0), 120, 10, ("探访志愿者", "visitor")), volunteering=True,
        risks_zh="步行前往，雨雪天路滑；请结伴同行，量力而行。",
        risks_en="You walk there, and paths are slippery in rain and snow: go in pairs, and do only what you can.",
    )  # fmt: skip


def new_year_performance(today: date) -> Plan:
    """On the next 30 December."""
    day = date(today.year, 12, 30)
    if day <= today:
        day = date(today.year + 1, 12, 30)
    return Plan(
        "performance", "“和声迎新”新年合唱音乐会", "Voices in Harmony: New Year Concert",
        f"{PILOT.name_zh}多功能厅",
        "十支合唱团同台迎新年。指导单位：太原市民政局；主办：职工新街街道、山西省合唱协会。凭报名入场。",
        "Ten choirs sing in the New Year. Guiding unit: Taiyuan civil affairs bureau; hosts: Zhigong Xinjie "
        "Subdistrict and the provincial choir association. Admission by registration.",
        [Slot((day - today).days, time(19, 0), 120, 300, "观众", "listener")], room="多功能厅",
    )  # fmt: skip


def pilot_plans(today: date) -> list[Plan]:
    """What the pilot site offers."""
    return [
        blood_drive(),
        eye_clinic(),
        *rehearsals(),
        smartphone_class(f"{PILOT.name_zh}指尖课堂教室", 3, room="指尖课堂教室"),
        elder_visits(f"{PILOT.name_zh}正门", 6),
        new_year_performance(today),
    ]


def community_plans(place: Place, number: int) -> list[Plan]:
    """What a community's site offers; `number` spreads the communities over the week."""
    return [smartphone_class(place.name_zh, 2 + number % 5), elder_visits(place.name_zh, 3 + number % 5)]
