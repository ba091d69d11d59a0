from django.urls import path

from protocols import views

app_name = "protocols"
urlpatterns = [
    path("", views.current, name="current"),
    path("versions/", views.versions, name="versions"),
    path("policy/", views.policy, name="policy"),
    path("search/", views.search, name="search"),
    path("<uuid:pk>/", views.version, name="version"),
    path("<uuid:pk>/search/", views.search, name="search_version"),
    path("<uuid:pk>/note/", views.read_note, name="read_note"),
]
