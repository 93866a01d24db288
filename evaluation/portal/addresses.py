"""Every address of the portal and the page that answers it."""

from __future__ import annotations

from django.urls import path, re_path

from evaluation.portal.views import account, officer, release, service, team

_RETURN = "returns/<slug:site>/<slug:agency>/<slug:slug>"

urlpatterns = [
    path("health", team.health),
    path("about", team.about),
    path("sign-in", account.sign_in),
    path("sign-in/code", account.code),
    path("sign-in/set-up", account.set_up),
    path("sign-in/service", service.go_there),
    path("sign-in/back", service.come_back),
    path("sign-in/keys", service.keys),
    path("sign-out", account.sign_out),
    path("forgotten", account.forgotten),
    path("invitations/<slug:token>", account.invitation),
    path("invitations/<slug:token>/service", service.accept),
    path("account", account.account),
    path("check", officer.check_only),
    path("", officer.start),
    path(f"{_RETURN}", officer.one_return),
    re_path(
        r"^returns/(?P<site>[-\w]+)/(?P<agency>[-\w]+)/(?P<slug>[-\w]+)/template\.(?P<ending>xlsx|csv)$",
        officer.template,
    ),
    path(f"{_RETURN}/upload", officer.upload),
    path(f"{_RETURN}/history", officer.history),
    path(f"{_RETURN}/withdraw", officer.withdraw),
    path("drafts/<slug:number>", officer.draft),
    path("drafts/<slug:number>/answers", officer.answers),
    path("drafts/<slug:number>/share", officer.share),
    path("drafts/<slug:number>/discard", officer.discard),
    path("drafts/<slug:number>/marked.xlsx", officer.marked),
    re_path(r"^drafts/(?P<number>[-\w]+)/report\.(?P<ending>json|txt)$", officer.found),
    path("drafts/<slug:number>/submit", officer.submit),
    path("receipts/<slug:number>", officer.receipt),
    re_path(r"^receipts/(?P<number>[-\w]+)\.(?P<ending>json|html)$", officer.receipt_file),
    path("letters/<slug:site>/<slug:slug>", officer.letter),
    path("withdrawals/<slug:number>", officer.withdrawal),
    path("programme", team.programme),
    path("questions", team.questions),
    path("questions.csv", team.questions_csv),
    path("studies", team.studies),
    path("studies/<slug:name>/run", team.run_study),
    path("releases", release.releases),
    path("releases/ask", release.ask),
    path("releases/<slug:name>", release.bundle),
    path("releases/<slug:name>/values.csv", release.values_csv),
    path("releases/<slug:name>/counts.csv", release.counts_csv),
    path("releases/<slug:name>/decide", release.decide),
    path("register", release.register),
    path("register.csv", release.register_csv),
    path("register/withdraw", release.withdraw),
    path("publish", release.publish),
    path("people", team.people),
    path("people/invite", team.invite),
    re_path(r"^people/(?P<number>[0-9]{1,9})/(?P<change>lock|unlock|reset)$", team.change_person),
    path("grants/<int:number>/end", team.end_grant),
    path("events", team.events),
    path("events.csv", team.events_csv),
]
handler400 = "evaluation.portal.pages.bad_request"
handler404 = "evaluation.portal.pages.not_found"
handler500 = "evaluation.portal.pages.broken"
