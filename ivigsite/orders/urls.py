from django.urls import path

from ivigsite.orders import (
    correction_views,
    discharge_views,
    emergency_views,
    handover_views,
    infusion_views,
    status_views,
    views,
)

urlpatterns = [
    path("assessments/<uuid:assessment_id>/orders/", views.choose, name="choose_orders"),
    path("assessments/<uuid:assessment_id>/orders/sign/", views.sign, name="sign_orders"),
    path(
        "assessments/<uuid:assessment_id>/emergency/",
        emergency_views.emergency_orders,
        name="emergency_orders",
    ),
    path("encounters/<uuid:encounter_id>/discharge/", discharge_views.discharge_page, name="discharge"),
    path(
        "encounters/<uuid:encounter_id>/discharge/papers/",
        discharge_views.discharge_papers,
        name="discharge_papers",
    ),
    path(
        "encounters/<uuid:encounter_id>/discharge/<slug:paper>.pdf",
        discharge_views.discharge_file,
        name="discharge_file",
    ),
    path("orders/<uuid:order_set_id>/", views.order_set, name="order_set"),
    path("orders/<uuid:order_set_id>/print/", views.print_sheet, name="print_sheet"),
    path("orders/<uuid:order_set_id>/sheets/", views.order_sheets, name="order_sheets"),
    path("orders/<uuid:order_set_id>/page/<str:document>/", views.html_sheet, name="html_sheet"),
    path("orders/<uuid:order_set_id>/void/", views.void, name="void_order_set"),
    path("orders/<uuid:order_set_id>/infusion/", infusion_views.infusion, name="infusion"),
    path("orders/<uuid:order_set_id>/infusion/note/", infusion_views.note_given, name="note_given"),
    path("given/acts/<uuid:event_id>/correct/", correction_views.correct_act, name="correct_act"),
    path("given/products/<uuid:given_id>/correct/", correction_views.correct_given, name="correct_given"),
    path("handover.pdf", handover_views.handover_file, name="handover_file"),
    path("recall/", infusion_views.lot_recall, name="lot_recall"),
    path("recall/file.csv", infusion_views.lot_recall_csv, name="lot_recall_csv"),
    path("sheets/<uuid:print_id>/", views.sheet_file, name="sheet_file"),
    path("s/", status_views.find_status, name="find_status"),
    path("s/<str:code>/", status_views.status, name="status"),
    # As the code says it, which is in capitals.
    path("S/<str:code>", status_views.status, name="scanned_status"),
]
