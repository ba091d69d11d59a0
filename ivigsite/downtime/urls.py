from django.urls import path

from ivigsite.downtime import entry_views, views

urlpatterns = [
    path("downtime/", views.downtime, name="downtime"),
    path("downtime/progress/", views.downtime_progress, name="downtime_progress"),
    path("downtime/write/", views.write_downtime, name="write_downtime"),
    path("downtime/forms/<uuid:version_id>/", views.downtime_forms, name="downtime_forms"),
    path("downtime/orders/<uuid:ward_id>/", views.downtime_orders, name="downtime_orders"),
    path("encounters/<uuid:encounter_id>/paper/", entry_views.paper_orders, name="paper_orders"),
    path("paper-orders/<uuid:entry_id>/", entry_views.correct_paper_order, name="correct_paper_order"),
]
