from django.urls import path

from ivigsite.revisions import exchange_views, views

urlpatterns = [
    path("import/", exchange_views.import_version, name="import_version"),
    path("<uuid:pk>/content.toml", exchange_views.export_version, name="export_version"),
    path("<uuid:pk>/workspace/", views.workspace, name="workspace"),
    path("<uuid:pk>/compare/", views.compare, name="compare"),
    path("<uuid:pk>/proofs/", views.ask, name="ask_for_proof"),
    path("<uuid:pk>/proofs/<slug:kind>/", views.proof, name="proof"),
    path("<uuid:pk>/proofs/<slug:kind>/confirm/", views.confirm, name="confirm_proof"),
    path("<uuid:pk>/comments/", views.comment, name="comment_row"),
    path("<uuid:pk>/step/<slug:name>/", views.step, name="protocol_step"),
    path("<uuid:pk>/recall/", views.recall, name="recall"),
    path("<uuid:pk>/recall.csv", views.recall_csv, name="recall_csv"),
]
