from django.urls import path

from ivigsite.revisions import comments, editing, exchange_views, trying, views

urlpatterns = [
    path("import/", exchange_views.import_version, name="import_version"),
    path("<uuid:pk>/content.toml", exchange_views.export_version, name="export_version"),
    path("<uuid:pk>/version.pdf", exchange_views.version_paper, name="version_paper"),
    path("<uuid:pk>/workspace/", views.workspace, name="workspace"),
    path("<uuid:pk>/workspace/about/", editing.header, name="workspace_header"),
    path("<uuid:pk>/workspace/grid/", editing.grid, name="workspace_grid"),
    path("<uuid:pk>/workspace/try/", trying.try_case, name="workspace_try"),
    path("<uuid:pk>/workspace/<slug:section>/", editing.section, name="workspace_section"),
    path("<uuid:pk>/workspace/<slug:section>/new/", editing.new_row, name="workspace_new_row"),
    path("<uuid:pk>/workspace/<slug:section>/<uuid:row_id>/", editing.row, name="workspace_row"),
    path(
        "<uuid:pk>/workspace/<slug:section>/<uuid:row_id>/in-place/",
        editing.row_in_place,
        name="workspace_row_in_place",
    ),
    path(
        "<uuid:pk>/workspace/<slug:section>/<uuid:row_id>/move/",
        editing.move_row,
        name="workspace_move_row",
    ),
    path(
        "<uuid:pk>/workspace/<slug:section>/<uuid:row_id>/remove/",
        editing.remove_row,
        name="workspace_remove_row",
    ),
    path(
        "<uuid:pk>/workspace/<slug:section>/<uuid:row_id>/comments/",
        comments.row_comments,
        name="row_comments",
    ),
    path("<uuid:pk>/compare/", views.compare, name="compare"),
    path("<uuid:pk>/proofs/", views.ask, name="ask_for_proof"),
    path("<uuid:pk>/proofs/<slug:kind>/", views.proof, name="proof"),
    path("<uuid:pk>/proofs/<slug:kind>/confirm/", views.confirm, name="confirm_proof"),
    path("<uuid:pk>/step/<slug:name>/", views.step, name="protocol_step"),
    path("<uuid:pk>/recall/", views.recall, name="recall"),
    path("<uuid:pk>/recall.csv", views.recall_csv, name="recall_csv"),
]
