"""Erasing oneself: at every site that was told the address by which the person came in, and with the last site, all."""

from sqlalchemy.orm import Session

from services.registration.operations.people.erasure import erase, lock_ahead, plan_erasure
from services.registration.operations.people.proven_sites import Resident, proven_sites
from services.registration.schemas.erasure import ErasureAnswer, ErasurePlan, Fate


def plan_own(session: Session, resident: Resident) -> ErasurePlan:
    """What it would do, all these sites together."""
    plans = [plan_erasure(session, resident.person_id, site) for site in proven_sites(session, resident)]
    fates: dict[str, Fate] = {}
    for fate in (fate for plan in plans for fate in plan.fates):
        before = fates.get(fate.table)
        # What holds for every site is in each plan, and there once.
        rows = fate.rows + (before.rows if before and before.table != "volunteers" else 0)
        fates[fate.table] = fate.model_copy(update={"rows": rows})
    refused = next((plan for plan in plans if plan.refused_zh), plans[0])
    return ErasurePlan(
        fates=list(fates.values()),
        cancels=sum(plan.cancels for plan in plans),
        refused_zh=refused.refused_zh,
        refused_en=refused.refused_en,
    )


def erase_own(session: Session, resident: Resident) -> ErasureAnswer:
    """Do it. Raises 409 where one of the sites must wait, and then nothing is done."""
    person_id, by = resident.person_id, f"person:{resident.person_id}"
    lock_ahead(session, person_id)
    done = [erase(session, person_id, site, "person_asked", by) for site in proven_sites(session, resident)]
    return ErasureAnswer(
        everywhere=any(one.everywhere for one in done), cancelled=[one for each in done for one in each.cancelled]
    )
