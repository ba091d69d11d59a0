from django.urls import path

from ivigsite.encounters import emergency_views, views

urlpatterns = [
    path("quick-check/", views.quick_check, name="quick_check"),
    path("search/", views.search, name="search"),
    path("patients/new/", views.new_patient, name="new_patient"),
    path("patients/<uuid:patient_id>/", views.patient, name="patient"),
    path("patients/<uuid:patient_id>/correct/", views.correct, name="correct_patient"),
    path("patients/<uuid:patient_id>/encounters/", views.open_for, name="open_encounter"),
    path("encounters/<uuid:encounter_id>/", views.encounter, name="encounter"),
    path("encounters/<uuid:encounter_id>/assess/", views.assess, name="assess"),
    path("encounters/<uuid:encounter_id>/emergency/", emergency_views.emergency, name="emergency"),
    path("encounters/<uuid:encounter_id>/emergency/start/", emergency_views.start, name="start_emergency"),
    path(
        "encounters/<uuid:encounter_id>/emergency/stand-down/",
        emergency_views.stand_down,
        name="stand_down_emergency",
    ),
    path("encounters/<uuid:encounter_id>/standing/", views.standing, name="standing"),
    path("assessments/<uuid:assessment_id>/", views.assessment, name="assessment"),
]
