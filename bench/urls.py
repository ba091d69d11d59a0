from django.urls import include, path

from bench.views import bare, empty

urlpatterns = [
    path("bench/bare/", bare),
    path("bench/empty/", empty),
    path("", include("ivigsite.urls")),
]
