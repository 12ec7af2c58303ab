"""Certificates of service: issued, fetched as PDF or signed data, revoked; and verified by anybody."""

import io
import zipfile
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, g, request
from sqlalchemy import select

from services.common.auth import Caller, allow
from services.common.conventions import answered, create, own_site, page
from services.common.database import EVERY_SITE, Database
from services.common.errors import TOO_MANY, Problem, Words, not_found
from services.common.rates import Windows, origin
from services.registration.api.residents import resident
from services.registration.models import Certificate, CertificateBatch, ServiceRecord
from services.registration.operations.hours import certificates as operations
from services.registration.operations.hours.certificate_paper import Signer, render
from services.registration.operations.hours.certificates import Certificates, describe_batch, find_certificate
from services.registration.operations.hours.resting_certificates import resting_on
from services.registration.personal_data import PersonalData
from services.registration.schemas import page_of
from services.registration.schemas.certificates import (
    BatchAnswer,
    BatchBody,
    CertificateAnswer,
    CertificateQuery,
    CertificatesAnswer,
    KeysAnswer,
    OwnCertificateBody,
    PeriodBody,
    RevocationBody,
    RevocationsAnswer,
    SignedAnswer,
    VerifiedAnswer,
    VerifyQuery,
)

TRIES_A_MINUTE = 30


class Tries:
    """Look-ups by one party this minute, on the API and on the page together."""

    def __init__(self) -> None:
        self._windows = Windows(TRIES_A_MINUTE)

    def count(self) -> None:
        """Count one by the present caller. Raises 429 when it has had too many."""
        if self._windows.count(origin(request.remote_addr)) is None:
            raise Problem(
                TOO_MANY, Words("核验过于频繁，请一分钟后再试。", "Too many look-ups: try again in a minute.")
            )


def certificates_blueprint(database: Database, data: PersonalData, public_url: str, tries: Tries) -> APIBlueprint:
    """The routes of certificates."""
    blueprint = APIBlueprint("certificates", __name__, tag="Certificates", url_prefix="/v1")
    certificates, signer = Certificates(data, public_url), Signer(data)
    _add_issuing(blueprint, database, data, certificates)
    _add_reading(blueprint, database, data, certificates, signer)
    _add_own(blueprint, database, data, certificates, signer)
    _add_batches(blueprint, database, data, certificates)
    _add_verification(blueprint, database, certificates, signer, tries)
    return blueprint


def pdf_response(certificates: Certificates, certificate: Certificate) -> Response:
    """The certificate as a PDF to keep. Its file is named by its number alone."""
    response = Response(render(certificates.content(certificate)), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{certificate.number}.pdf"'
    return response


def _add_issuing(blueprint: APIBlueprint, database: Database, data: PersonalData, certificates: Certificates) -> None:
    @blueprint.post("/people/<uuid:person_id>/certificates")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(PeriodBody, arg_name="body")
    @blueprint.output(CertificateAnswer, status_code=201)
    def issue_certificate(person_id: UUID, body: PeriodBody) -> Response:
        """Certify the hours that the site recorded for a person in a period."""
        site_id = own_site()
        return create(
            database,
            data,
            body,
            lambda s: CertificateAnswer.model_validate(certificates.issue(s, site_id, person_id, body)),
        )

    @blueprint.post("/certificates/<uuid:certificate_id>/revoke")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(RevocationBody, arg_name="body")
    @blueprint.output(CertificateAnswer)
    def revoke_certificate(certificate_id: UUID, body: RevocationBody) -> Response:
        """Say that a certificate no longer holds; the verification page tells so."""
        with database.transaction(g.principal.scope) as session:
            return answered(CertificateAnswer.model_validate(operations.revoke(session, certificate_id, body.reason)))


def _add_reading(
    blueprint: APIBlueprint, database: Database, data: PersonalData, certificates: Certificates, signer: Signer
) -> None:
    @blueprint.get("/certificates")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(CertificateQuery, location="query", arg_name="query")
    @blueprint.output(page_of(CertificateAnswer))
    def list_certificates(query: CertificateQuery) -> Response:
        """The certificates that the site issued."""
        rows = select(Certificate).where(Certificate.site_id == own_site())
        if query.person_id:
            rows = rows.where(Certificate.person_id == query.person_id)
        with database.transaction(g.principal.scope) as session:
            describe = CertificateAnswer.model_validate
            return page(session, rows, Certificate.position, query, lambda found: [describe(c) for c in found])

    @blueprint.get("/service-records/<uuid:record_id>/certificates")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(CertificatesAnswer)
    def list_resting(record_id: UUID) -> Response:
        """The certificates in force that rest on a record, or on one that it took the place of: to revoke or not."""
        with database.transaction(g.principal.scope) as session:
            if session.get(ServiceRecord, record_id) is None:
                raise not_found("这条服务记录", "service record")
            found = resting_on(session, record_id)
            return answered(CertificatesAnswer(items=[CertificateAnswer.model_validate(one) for one in found]))

    @blueprint.get("/certificates/<uuid:certificate_id>/pdf")
    @allow(Caller.SITE, Caller.STAFF)
    def read_certificate(certificate_id: UUID) -> Response:
        """The certificate as a PDF: the same bytes each time."""
        with database.transaction(g.principal.scope) as session:
            certificate = find_certificate(session, certificate_id)
            operations.note_shown(session, data, [certificate])
        return pdf_response(certificates, certificate)

    @blueprint.get("/certificates/<uuid:certificate_id>/signed")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(SignedAnswer)
    def read_signed_certificate(certificate_id: UUID) -> Response:
        """The certificate for machines: a signed credential."""
        with database.transaction(g.principal.scope) as session:
            certificate = find_certificate(session, certificate_id)
            operations.note_shown(session, data, [certificate])
        content = certificates.content(certificate)
        return answered(SignedAnswer(jws=signer.sign(content), url=content["url"]))


def _add_own(
    blueprint: APIBlueprint, database: Database, data: PersonalData, certificates: Certificates, signer: Signer
) -> None:
    @blueprint.post("/my/certificates")
    @allow(Caller.PERSON)
    @blueprint.input(OwnCertificateBody, arg_name="body")
    @blueprint.output(CertificateAnswer, status_code=201)
    def issue_own_certificate(body: OwnCertificateBody) -> Response:
        """Certify one's own hours at a site in a period. Free, and as often as wanted."""
        return create(
            database,
            data,
            body,
            lambda s: CertificateAnswer.model_validate(certificates.issue_own(s, resident(), body)),
            EVERY_SITE,
        )

    @blueprint.get("/my/certificates/<uuid:certificate_id>/signed")
    @allow(Caller.PERSON)
    @blueprint.output(SignedAnswer)
    def read_own_signed_certificate(certificate_id: UUID) -> Response:
        """One's own certificate for machines: an Open Badge, to keep in a wallet or hand on."""
        with database.transaction(EVERY_SITE) as session:
            certificate = operations.own_certificate(session, resident(), certificate_id)
        content = certificates.content(certificate)
        return answered(SignedAnswer(jws=signer.sign(content), url=content["url"]))

    @blueprint.get("/my/certificates/<uuid:certificate_id>/pdf")
    @allow(Caller.PERSON)
    def read_own_certificate(certificate_id: UUID) -> Response:
        """One's own certificate as a PDF."""
        with database.transaction(EVERY_SITE) as session:
            certificate = operations.own_certificate(session, resident(), certificate_id)
        return pdf_response(certificates, certificate)


def _add_batches(blueprint: APIBlueprint, database: Database, data: PersonalData, certificates: Certificates) -> None:
    @blueprint.post("/certificate-batches")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.input(BatchBody, arg_name="body")
    @blueprint.output(BatchAnswer, status_code=201)
    def start_batch(body: BatchBody) -> Response:
        """Certify the hours of many, such as a team: up to twenty at once, more by the worker."""
        site_id = own_site()
        return create(database, data, body, lambda s: describe_batch(certificates.start_batch(s, site_id, body)))

    @blueprint.get("/certificate-batches/<uuid:batch_id>")
    @allow(Caller.SITE, Caller.STAFF)
    @blueprint.output(BatchAnswer)
    def show_batch(batch_id: UUID) -> Response:
        """How far a batch is."""
        with database.transaction(g.principal.scope) as session:
            batch = session.get(CertificateBatch, batch_id)
            if batch is None:
                raise not_found("这批证明", "batch of certificates")
            return answered(describe_batch(batch))

    @blueprint.get("/certificate-batches/<uuid:batch_id>/zip")
    @allow(Caller.SITE, Caller.STAFF)
    def read_batch(batch_id: UUID) -> Response:
        """The PDFs of a batch that are made so far, in one ZIP."""
        with database.transaction(g.principal.scope) as session:
            if session.get(CertificateBatch, batch_id) is None:
                raise not_found("这批证明", "batch of certificates")
            of_batch = select(Certificate).where(Certificate.batch_id == batch_id).order_by(Certificate.position)
            found = session.scalars(of_batch).all()
            operations.note_shown(session, data, found)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as files:
            for certificate in found:
                files.writestr(f"{certificate.number}.pdf", render(certificates.content(certificate)))
        response = Response(packed.getvalue(), mimetype="application/zip")
        response.headers["Content-Disposition"] = f'attachment; filename="certificates-{batch_id}.zip"'
        return response


def _add_verification(
    blueprint: APIBlueprint, database: Database, certificates: Certificates, signer: Signer, tries: Tries
) -> None:
    @blueprint.get("/verify/<string:number>")
    @allow(Caller.ANYONE)
    @blueprint.input(VerifyQuery, location="query", arg_name="query")
    @blueprint.output(VerifiedAnswer)
    def verify(number: str, query: VerifyQuery) -> Response:
        """Whether a certificate is genuine and holds. The code stands beside its number."""
        tries.count()
        with database.transaction(EVERY_SITE) as session:
            return answered(certificates.verify(session, number, query.k))

    @blueprint.get("/sites/<uuid:site_id>/certificate-revocations")
    @allow(Caller.ANYONE)
    @blueprint.output(RevocationsAnswer)
    def list_revocations(site_id: UUID) -> Response:
        """The site's certificates that no longer hold, for machines that have one: without names, without codes."""
        with database.transaction(EVERY_SITE) as session:
            return answered(certificates.revocations(session, site_id))

    @blueprint.get("/certificate-keys")
    @allow(Caller.ANYONE)
    @blueprint.output(KeysAnswer)
    def list_certificate_keys() -> Response:
        """The public key that checks signed certificates."""
        return answered(KeysAnswer(keys=[signer.public_key()]))
