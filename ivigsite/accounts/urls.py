from django.urls import path

from ivigsite.accounts import views

urlpatterns = [
    path("login/", views.sign_in, name="login"),
    path("logout/", views.sign_out, name="logout"),
    path("me/", views.me, name="me"),
    path("me/password/", views.change_own_password, name="change_password"),
    path("me/stay/", views.stay_signed_in, name="stay_signed_in"),
    path("me/sessions/<uuid:sign_in_id>/end/", views.end_session, name="end_session"),
    # The admin's own pages for these know nothing of locks, sessions or the audit trail. Ours come first.
    path("admin/login/", views.sign_in),
    path("admin/logout/", views.sign_out),
    path("admin/password_change/", views.change_own_password),
]
