"""Events of people: doubles that were made one person, and people who were erased. Ids and numbers only."""

from uuid import UUID

from pydantic import Field

from services.common.events.envelope import Event


class PersonMerged(Event):
    """Two people turned out to be one. From now on the first number counts as the second, whichever events say it."""

    type = "hesheng.person.merged.v1"
    merge_id: UUID
    person_id: UUID = Field(description="who was merged")
    person_number: int
    into_id: UUID = Field(description="the survivor")
    into_number: int

    @property
    def aggregate(self) -> str:
        return str(self.merge_id)


class PersonUnmerged(PersonMerged):
    """A merge was undone: they are two people again. Always after the merge that it names."""

    type = "hesheng.person.unmerged.v1"


class PersonErased(Event):
    """A person's identity was erased. What is kept of them under this id says nothing of who they were."""

    type = "hesheng.person.erased.v1"
    person_id: UUID

    @property
    def aggregate(self) -> str:
        return str(self.person_id)
