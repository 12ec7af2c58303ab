"""The pages, one file per subject: residents' and public ones, and staff's under `/staff`."""

from apiflask import APIBlueprint

from services.common.auth import OPERATORS, OVER_AREAS
from services.common.database import Database
from services.common.pages import in_menu
from services.registration.api.certificates import Tries
from services.registration.operations.hours.certificates import Certificates
from services.registration.operations.seats.public_sign_up import PublicSignUps
from services.registration.operations.seats.sign_up import SignUps
from services.registration.operations.staff.links import Links
from services.registration.operations.staff.log_in import LogIns
from services.registration.operations.staff.oidc import Provider
from services.registration.operations.staff.sessions import Sessions
from services.registration.pages.account import account_pages
from services.registration.pages.activities import activities_pages
from services.registration.pages.areas import areas_pages
from services.registration.pages.audit import audit_pages
from services.registration.pages.calls import calls_pages
from services.registration.pages.centre import centre_pages
from services.registration.pages.check_in import check_in_pages, scan_pages
from services.registration.pages.colleagues import colleague_pages
from services.registration.pages.consent_texts import consent_texts_pages
from services.registration.pages.desk import desk_pages
from services.registration.pages.doubles import doubles_pages
from services.registration.pages.embed import embed_pages
from services.registration.pages.exchange import exchange_pages
from services.registration.pages.guardian import add_guardian_page
from services.registration.pages.hand_over import add_hand_over
from services.registration.pages.home import home_pages
from services.registration.pages.hours import hours_pages, verify_pages
from services.registration.pages.led_rooms import led_rooms_pages
from services.registration.pages.led_sign_up import led_sign_up_pages
from services.registration.pages.links import links_pages
from services.registration.pages.mine import log_in_pages, my_pages
from services.registration.pages.my_data import my_data_pages
from services.registration.pages.oidc import oidc_pages
from services.registration.pages.own_consents import own_consents_pages
from services.registration.pages.own_hours import own_hours_pages
from services.registration.pages.own_teams import own_teams_pages
from services.registration.pages.own_transfers import own_transfers_pages
from services.registration.pages.own_volunteer import own_volunteer_pages
from services.registration.pages.people import people_pages
from services.registration.pages.programmes import programmes_pages
from services.registration.pages.public import public_pages
from services.registration.pages.retention import retention_pages
from services.registration.pages.rooms import rooms_pages
from services.registration.pages.rosters import rosters_pages
from services.registration.pages.shift_roster import shift_roster_pages
from services.registration.pages.sign_up import Desk, sign_up_pages
from services.registration.pages.team_sign_up import team_sign_up_pages
from services.registration.pages.teams import teams_pages
from services.registration.pages.trainings import trainings_pages
from services.registration.pages.venues import venues_pages
from services.registration.pages.volunteers import volunteers_pages
from services.registration.pages.web_page import web_page_pages
from services.registration.personal_data import PersonalData

__all__ = ["pages"]


def pages(
    database: Database,
    data: PersonalData,
    sessions: Sessions,
    links: Links,
    log_ins: LogIns,
    public: PublicSignUps,
    sign_ups: SignUps,
    tries: Tries,
    provider: Provider | None = None,
) -> list[APIBlueprint]:
    """All pages of the service."""
    add_hand_over(sign_ups)
    add_guardian_page(data)
    desk = Desk.of(database, data, public)
    certificates = Certificates(data, links.public_url)
    in_menu("notifications:/staff/messages", "消息", "Messages", 6, without_site=OPERATORS)
    in_menu("notifications:/staff/delivery", "发送情况", "Delivery", 7, without_site=OPERATORS, only=OPERATORS)
    in_menu("reporting:/staff/reports/dashboard", "统计", "Reports", 8, without_site=OVER_AREAS)
    in_menu("notifications:/staff/webhooks", "事件推送", "Webhooks", 27, without_site=OPERATORS)
    in_menu("notifications:/staff/announcements", "公告", "Announcements", 15, without_site=OVER_AREAS)
    in_menu("notifications:/staff/digests", "明日一览", "Tomorrow at a glance", 16)
    in_menu("notifications:/staff/chats", "消息群", "Chat groups", 28, without_site=OPERATORS)
    in_menu("notifications:/staff/suppressions", "停发的邮箱", "Closed addresses", 18, without_site=OPERATORS)
    in_menu("notifications:/staff/templates", "消息措辞", "Words of messages", 17, without_site=OPERATORS)
    return [
        public_pages(database),
        sign_up_pages(desk),
        embed_pages(desk),
        log_in_pages(database, data, sessions, links),
        my_pages(database, data, links),
        desk_pages(database, data, sign_ups),
        shift_roster_pages(database, data, sign_ups),
        calls_pages(database, data),
        team_sign_up_pages(database, data, sign_ups),
        check_in_pages(database, data, links.public_url),
        scan_pages(database, data),
        hours_pages(database, data, certificates),
        own_hours_pages(database, data, certificates),
        own_consents_pages(database, data),
        own_teams_pages(database, data),
        led_rooms_pages(database),
        led_sign_up_pages(database, data, sign_ups),
        own_transfers_pages(database, sign_ups),
        own_volunteer_pages(database, data),
        verify_pages(database, certificates, tries),
        links_pages(database, links),
        home_pages(database),
        activities_pages(database, data),
        programmes_pages(database),
        rooms_pages(database),
        venues_pages(database, data),
        teams_pages(database, data),
        rosters_pages(database, data),
        centre_pages(database, data),
        people_pages(database, data),
        volunteers_pages(database, data),
        trainings_pages(database, data),
        doubles_pages(database, data),
        exchange_pages(database, data),
        my_data_pages(database, data),
        account_pages(database, data, log_ins, sso=provider is not None),
        areas_pages(database, data),
        colleague_pages(database, data),
        consent_texts_pages(database),
        audit_pages(database, data),
        web_page_pages(database),
        retention_pages(database),
        *([oidc_pages(data, log_ins, provider)] if provider else []),
    ]
