from django.urls import path

from ivigsite.monitoring import views

urlpatterns = [
    path("", views.board, name="board"),
    path("board/rows/", views.board_rows, name="board_rows"),
    path("handover/", views.handover, name="handover"),
    path("encounters/<uuid:encounter_id>/checklist/", views.checklist, name="checklist"),
    path("encounters/<uuid:encounter_id>/results/<slug:rule>/", views.extra_result, name="extra_result"),
    path("checks/<uuid:task_id>/", views.record_result, name="record_result"),
    path("checks/<uuid:task_id>/decline/", views.decline, name="decline_check"),
    path("results/<uuid:observation_id>/correct/", views.correct_result, name="correct_result"),
    path("results/<uuid:observation_id>/acknowledge/", views.acknowledge, name="acknowledge"),
    path("results/<uuid:observation_id>/release/", views.release, name="release_hold"),
]
