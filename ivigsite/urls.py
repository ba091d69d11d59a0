from django.contrib import admin
from django.urls import include, path

from ivigsite.revisions.move_views import move

urlpatterns = [
    path("", include("ivigsite.monitoring.urls")),
    path("", include("ivigsite.encounters.urls")),
    path("", include("ivigsite.orders.urls")),
    path("", include("ivigsite.downtime.urls")),
    path("", include("ivigsite.accounts.urls")),
    path("encounters/<uuid:encounter_id>/version/", move, name="move_encounter"),
    path("protocols/", include("ivigsite.revisions.urls")),
    path("protocols/", include("protocols.urls")),
    path("admin/", admin.site.urls),
]
